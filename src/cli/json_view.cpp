#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/event_view.h"

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

ordered_json json_of(const Diagnostic& diagnostic) {
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

// A total of 0 is one that nobody knows. Effort counts other things than bytes, too: only its share means something.
ordered_json json_of(const ProgressReading& reading) {
  const events::Progress& progress = reading.progress;
  ordered_json result{{"event", "progress"}, {"work", progress.work}};
  if (progress.bytes_total > 0)
    result["share"] = static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total);
  if (!progress.counts_effort) {
    result["bytes_done"] = progress.bytes_done;
    if (progress.bytes_total > 0) result["bytes_total"] = progress.bytes_total;
    result["bytes_per_second"] = reading.rate;
  }
  result["seconds"] = reading.seconds;
  if (reading.seconds_left) result["seconds_left"] = *reading.seconds_left;
  return result;
}

struct ToJson {
  ordered_json operator()(const events::Warning& event) const { return json_of(event.diagnostic); }
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
  ordered_json operator()(const events::Progress&) const { return nullptr; }  // shown as a reading
  ordered_json operator()(const events::Published& event) const {
    return {{"event", "published"},     {"path", event.path},     {"files", event.files},
            {"removed", event.removed}, {"atomic", event.atomic}, {"bytes_shared", event.bytes_shared}};
  }
};

// Text from files may be no UTF-8; JSON must be.
std::string line_of(const ordered_json& json, bool ascii) {
  return json.dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

void JsonView::on(const Event& event) {
  if (const auto* progress = std::get_if<events::Progress>(&event)) {
    if (const auto reading = meter_.read(*progress)) out_ << line_of(json_of(*reading), ascii_) << std::flush;
    return;
  }
  meter_.pause();
  out_ << line_of(std::visit(ToJson{}, event), ascii_) << std::flush;
}

void JsonView::fail(const Error& error) {
  for (const Diagnostic& diagnostic : error.diagnostics()) out_ << line_of(json_of(diagnostic), ascii_) << std::flush;
  err_ << to_string(error) << std::flush;
}

}  // namespace brainsurgery
