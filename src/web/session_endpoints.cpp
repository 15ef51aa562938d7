// Steps, their undoing, models that are opened and written, files.
#include <fmt/format.h>

#include <algorithm>

#include "session/registries.h"
#include "web/endpoints.h"
#include "web/step_forms.h"

namespace brainsurgery::web {
namespace {

using Type = Argument::Type;
using Method = Endpoint::Method;

constexpr std::size_t kMostStepBytes = std::size_t{1} << 20;
constexpr std::size_t kMostChanges = 500;  // that a preview lists

std::shared_ptr<const SourceText> source_of(std::string text) {
  if (text.size() > kMostStepBytes) throw Error(ErrorCode::plan, fmt::format("steps of more than {} bytes", kMostStepBytes));
  return std::make_shared<const SourceText>(SourceText{"the step", std::move(text)});
}

std::string_view word_of(DeltaEntry::Kind kind) {
  switch (kind) {
    case DeltaEntry::Kind::created:
      return "created";
    case DeltaEntry::Kind::changed:
      return "changed";
    case DeltaEntry::Kind::deleted:
      break;
  }
  return "deleted";
}

Json json_of(const DeltaEntry& entry) {
  return {{"kind", word_of(entry.kind)}, {"alias", entry.alias}, {"name", entry.name}};
}

Json json_of(const TensorChange& change) {
  Json json = json_of(change.entry);
  if (change.before) json["before"] = web::json_of(*change.before);
  if (change.after) json["after"] = web::json_of(*change.after);
  return json;
}

Json preview(Workbench& bench, const Json& arguments) {
  const std::vector<TensorChange> changes = bench.foresee([&](Run& run) {
    return taken(run.preview(source_of(text_argument(arguments, "text"))));
  });
  Json listed = Json::array();
  for (std::size_t i = 0; i < std::min(changes.size(), kMostChanges); ++i) listed.push_back(json_of(changes[i]));
  return {{"total", changes.size()}, {"changes", std::move(listed)}};
}

Json with_output(Workbench& bench, const StepsReport& report) {
  return {{"steps", report.steps}, {"output", bench.take_output()}};
}

Json step(Workbench& bench, const Json& arguments) {
  return bench.change([&](Run& run) {
    bench.question() = {true, false};
    static_cast<void>(bench.take_output());
    return with_output(bench, taken(run.step(source_of(text_argument(arguments, "text")))));
  });
}

Json open(Workbench& bench, const Json& arguments) {
  return bench.change([&](Run& run) {
    const std::string alias = arguments.contains("alias") ? text_argument(arguments, "alias") : free_alias(run);
    static_cast<void>(taken(run.open(alias, text_argument(arguments, "path"))));
    return Json{{"alias", alias}, {"output", bench.take_output()}};
  });
}

Json save(Workbench& bench, const Json& arguments) {
  return bench.change([&](Run& run) {
    return with_output(bench, taken(run.save(text_argument(arguments, "alias"), text_argument(arguments, "path"))));
  });
}

std::string_view word_of(FileStatus::Kind kind) {
  switch (kind) {
    case FileStatus::Kind::regular:
      return "file";
    case FileStatus::Kind::directory:
      return "directory";
    default:
      return "other";
  }
}

// What lies in a folder. Links that lead outside of the root are left out: the Env refuses to follow them.
Json files(Workbench& bench, const Json& arguments) {
  const std::string folder = text_argument(arguments, "path");
  Json entries = Json::array();
  for (const std::string& name : bench.env().list(folder.empty() ? "." : folder)) {
    if (name.starts_with('.')) continue;
    try {
      const std::optional<FileStatus> status = bench.env().status(folder.empty() ? name : folder + "/" + name);
      if (!status || status->kind == FileStatus::Kind::other) continue;
      entries.push_back({{"name", name}, {"kind", word_of(status->kind)}, {"bytes", status->size}});
    } catch (const Error&) {  // a link that leads outside
      continue;
    }
  }
  return {{"path", folder}, {"entries", std::move(entries)}};
}

Json back(Workbench& bench, Outcome<bool> (Run::*call)()) {
  return bench.change([&](Run& run) { return Json{{"done", taken((run.*call)())}}; });
}

}  // namespace

std::string free_alias(Run& run) {
  const std::vector<std::string> known = taken(run.aliases());
  std::string alias = "model";
  for (int i = 2; std::ranges::find(known, alias) != known.end(); ++i) alias = fmt::format("model_{}", i);
  return alias;
}

Json state_of(Workbench& bench, Run& run) {
  Json models = Json::array(), history = Json::array(), changed = Json::array();
  for (const std::string& alias : taken(run.aliases())) {
    const std::vector<TensorInfo>& tensors = bench.tensors(run, alias);
    std::int64_t bytes = 0;
    for (const TensorInfo& tensor : tensors) bytes += tensor.bytes.value_or(0);
    Json model{{"alias", alias}, {"tensors", tensors.size()}, {"bytes", bytes}};
    if (const std::optional<std::string> path = bench.path_of(alias)) model["path"] = *path;
    models.push_back(std::move(model));
  }
  for (const DoneStep& done : taken(run.history()))
    history.push_back({{"text", done.text}, {"created", done.created}, {"changed", done.changed}, {"deleted", done.deleted}});
  const Delta delta = taken(run.delta());
  for (std::size_t i = 0; i < std::min(delta.size(), kMostChanges); ++i) changed.push_back(json_of(delta[i]));
  return {{"revision", bench.revision()},   {"models", std::move(models)},   {"history", std::move(history)},
          {"changed", std::move(changed)}, {"can_undo", run.can_undo()},    {"can_redo", run.can_redo()},
          {"root", bench.place().root},    {"read_only", bench.place().read_only}};
}

std::vector<Endpoint> session_endpoints(Workbench& bench, const Registries& registries) {
  const Argument text{"text", Type::text, true, "A step, or several: YAML or the one-line syntax"};
  return {
      {Method::get, "/api/session", "The models, the steps that were done, and what the last one changed", {}, false,
       [&bench](const Json&) { return bench.look([&](Run& run) { return state_of(bench, run); }); }},
      {Method::get, "/api/steps", "All steps and operators as forms", {}, false,
       [forms = step_forms(catalog_of(registries))](const Json&) { return forms; }},
      {Method::post, "/api/preview", "What a step would create, change and delete; nothing is done", {text}, false,
       [&bench](const Json& arguments) { return preview(bench, arguments); }},
      {Method::post, "/api/step", "Does a step", {text}, true,
       [&bench](const Json& arguments) { return step(bench, arguments); }},
      {Method::post, "/api/undo", "Takes the last step back", {}, true,
       [&bench](const Json&) { return back(bench, &Run::undo); }},
      {Method::post, "/api/redo", "Does a step again that was taken back", {}, true,
       [&bench](const Json&) { return back(bench, &Run::redo); }},
      {Method::get, "/api/plan", "The steps so far as a plan, YAML", {}, false,
       [&bench](const Json&) {
         return bench.look([](Run& run) { return Json{{"text", taken(run.plan())}}; });
       }},
      {Method::get, "/api/files", "The files and folders below the server's folder",
       {{"path", Type::text, false, "A folder below it"}}, false,
       [&bench](const Json& arguments) { return files(bench, arguments); }},
      {Method::post, "/api/open", "Opens a checkpoint",
       {{"path", Type::text, true, "A file or a directory"}, {"alias", Type::text, false, "Its name"}}, false,
       [&bench](const Json& arguments) { return open(bench, arguments); }},
      {Method::post, "/api/save", "Writes a model",
       {{"alias", Type::text, true, "The model"}, {"path", Type::text, true, "A file, or a directory"}}, true,
       [&bench](const Json& arguments) { return save(bench, arguments); }},
      {Method::get, "/api/progress", "Of what is being done", {}, false,
       [&bench](const Json&) { return Json{{"progress", bench.progress()}}; }},
      {Method::post, "/api/cancel", "Ends what is being done", {}, false,
       [&bench](const Json&) {
         bench.cancel();
         return Json::object();
       }},
  };
}

std::vector<Endpoint> endpoints(Workbench& bench, const Registries& registries) {
  std::vector<Endpoint> all = session_endpoints(bench, registries);
  std::ranges::move(tensor_endpoints(bench), std::back_inserter(all));
  std::ranges::move(compatible_endpoints(bench, registries), std::back_inserter(all));
  return all;
}

}  // namespace brainsurgery::web
