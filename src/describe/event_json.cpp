#include "describe/event_json.h"

namespace brainsurgery {
namespace {

using nlohmann::ordered_json;

std::string_view word_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      break;
  }
  return "note";
}

ordered_json diagnostic_json(const Diagnostic& diagnostic) {
  ordered_json result{{"event", word_of(diagnostic.severity)}, {"message", diagnostic.message}};
  if (diagnostic.span.source) result["file"] = diagnostic.span.source->name;
  if (diagnostic.span.known()) {
    result["line"] = diagnostic.span.line;
    result["column"] = diagnostic.span.column;
  }
  if (!diagnostic.notes.empty()) result["notes"] = diagnostic.notes;
  return result;
}

ordered_json json_of(const DocumentChange& change) {
  return {{"document", change.document},
          {"key", change.key},
          {"before", change.before},
          {"after", change.after},
          {"derived", change.derived}};
}

struct ToJson {
  ordered_json operator()(const events::Warning& event) const { return diagnostic_json(event.diagnostic); }
  ordered_json operator()(const events::InputOpened& event) const {
    return {{"event", "input_opened"},
            {"alias", event.alias},
            {"path", event.path},
            {"tensors", event.tensors},
            {"bytes", event.bytes}};
  }
  ordered_json operator()(const events::StepBound& event) const {
    return {{"event", "step_bound"},    {"step", event.index},      {"command", event.command},
            {"created", event.created}, {"changed", event.changed}, {"deleted", event.deleted}};
  }
  ordered_json operator()(const events::AssertionHeld& event) const {
    return {{"event", "assertion_held"}, {"step", event.index}};
  }
  ordered_json operator()(const events::Printed& event) const { return {{"event", "printed"}, {"text", event.text}}; }
  ordered_json operator()(const events::OutputStarted& event) const {
    ordered_json carried = ordered_json::array();
    for (const CarriedFile& file : event.carried) carried.push_back({{"name", file.name}, {"bytes", file.bytes}});
    ordered_json changes = ordered_json::array();
    for (const DocumentChange& change : event.changes) changes.push_back(json_of(change));
    return {{"event", "output_started"},
            {"alias", event.alias},
            {"path", event.path},
            {"reason", event.reason},
            {"tensors", event.tensors},
            {"bytes", event.bytes},
            {"bytes_copied", event.bytes_copied},
            {"bytes_computed", event.bytes_computed},
            {"carried", carried},
            {"changes", changes}};
  }
  ordered_json operator()(const events::Progress& event) const {
    return {{"event", "progress"}, {"bytes_done", event.bytes_done}, {"bytes_total", event.bytes_total}};
  }
  ordered_json operator()(const events::Published& event) const {
    return {{"event", "published"},     {"path", event.path},     {"files", event.files},
            {"removed", event.removed}, {"atomic", event.atomic}, {"bytes_shared", event.bytes_shared}};
  }
};

}  // namespace

nlohmann::ordered_json json_of(const Event& event) { return std::visit(ToJson{}, event); }

nlohmann::ordered_json json_of(const Diagnostic& diagnostic) { return diagnostic_json(diagnostic); }

}  // namespace brainsurgery
