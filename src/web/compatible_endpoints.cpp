// Calls by which clients of the Python program's servers work: the same addresses, arguments and answers, of what this
// program has too.
#include <fmt/format.h>

#include <algorithm>

#include "session/registries.h"
#include "web/endpoints.h"

namespace brainsurgery::web {
namespace {

using Type = Argument::Type;
using Method = Endpoint::Method;

Json models_of(Workbench& bench, Run& run) {
  Json models = Json::array();
  for (const std::string& alias : taken(run.aliases())) {
    const std::size_t count = bench.tensors(run, alias).size();
    models.push_back({{"alias", alias}, {"tensor_count", count}, {"matched_count", count}, {"total_count", count}});
  }
  return models;
}

Json keys_where(const Schema& step, bool (*holds)(const Field&)) {
  Json keys = Json::array();
  for (const auto& field : step.fields) {
    if (holds(*field)) keys.push_back(field->name);
  }
  return keys;
}

Json transform_of(const Schema& step) {
  return {{"name", step.name},
          {"enabled", true},
          {"allowed_keys", keys_where(step, [](const Field&) { return true; })},
          {"required_keys", keys_where(step, [](const Field& field) { return field.required; })},
          {"reference_keys", keys_where(step, [](const Field& field) { return field.role.has_value(); })},
          {"to_must_exist",
           std::ranges::any_of(step.fields, [](const auto& field) {
             return field->role && field->role->writes && field->role->policy == Role::Policy::must_exist;
           })},
          {"boolean_keys", keys_where(step, [](const Field& field) {
             return is_scalar(*field.type, Scalar::boolean) || is_scalar(*field.type, Scalar::flag);
           })}};
}

Json transforms_of(const Registries& registries) {
  Json steps = Json::array();
  for (const Schema& step : catalog_of(registries).steps) steps.push_back(transform_of(step));
  return {{"transforms", std::move(steps)}};
}

// A step as YAML; a payload that is text is YAML itself.
std::string step_text(const std::string& name, const Json& payload) {
  if (!payload.is_string()) return fmt::format("{}: {}", name, text_of(payload));
  std::string text = name + ":\n  ";
  for (const char c : payload.get<std::string>()) {
    text += c;
    if (c == '\n') text += "  ";
  }
  return text;
}

Json apply_transform(Workbench& bench, const Json& arguments) {
  const std::string name = text_argument(arguments, "transform"), decision = text_argument(arguments, "preview_decision");
  const auto text = std::make_shared<const SourceText>(
      SourceText{"the request", step_text(name, arguments.value("payload", Json::object()))});
  return bench.change([&](Run& run) {
    bench.question() = {decision.empty() ? std::nullopt : std::optional(decision == "go"), false};
    static_cast<void>(bench.take_output());
    static_cast<void>(taken(run.step(text)));
    const bool waits = bench.question().asked && decision.empty();
    return Json{{"models", models_of(bench, run)},
                {"output", bench.take_output()},
                {"preview_confirmation_required", waits},
                {"preview_transform", waits ? Json(name) : Json()}};
  });
}

Json load(Workbench& bench, const Json& arguments) {
  return bench.change([&](Run& run) {
    const std::string alias = text_argument(arguments, "alias", free_alias(run));
    static_cast<void>(taken(run.open(alias, text_argument(arguments, "server_path"))));
    return Json{{"models", models_of(bench, run)}};
  });
}

Json lines_of(const std::string& text) {
  Json lines = Json::array();
  for (std::size_t first = 0; first < text.size();) {
    const std::size_t end = std::min(text.find('\n', first), text.size());
    lines.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  return lines;
}

Json run_plan(Workbench& bench, const Json& arguments) {
  const auto plan = std::make_shared<const SourceText>(SourceText{"the plan", text_argument(arguments, "plan_yaml")});
  return bench.look([&](Run&) {
    static_cast<void>(bench.take_output());
    const RunReport report = bench.run_plan(PlanSource(plan));
    const bool wrote = !report.outputs.empty();
    return Json{{"logs", Json::array()},
                {"output_lines", lines_of(bench.take_output())},
                {"summary_yaml", report.summary.empty() ? Json() : Json(report.summary)},
                {"written_path", wrote ? Json(report.outputs.back().path) : Json()},
                {"error", Json()}};
  });
}

}  // namespace

std::vector<Endpoint> compatible_endpoints(Workbench& bench, const Registries& registries) {
  const auto with = [&bench](Json (*call)(Workbench&, const Json&)) {
    return [&bench, call](const Json& arguments) { return call(bench, arguments); };
  };
  return {
      {Method::get, "/api/transforms", "The keys of all steps", {}, false,
       [known = transforms_of(registries)](const Json&) { return known; }},
      {Method::get, "/api/state", "The models", {}, false,
       [&bench](const Json&) { return bench.look([&](Run& run) { return Json{{"models", models_of(bench, run)}}; }); }},
      {Method::post, "/api/load", "Opens a checkpoint",
       {{"server_path", Type::text, true, "A file or a directory"}, {"alias", Type::text, false, "Its name"}}, false, with(load)},
      {Method::post, "/api/_apply_transform", "Does a step",
       {{"transform", Type::text, true, "The name of the step"},
        {"payload", Type::any, false, "Its keys, or YAML as text"},
        {"summary_mode", Type::text, false, "Accepted, and without effect"},
        {"preview_decision", Type::text, false, "go or no-go, where the session previews steps"}},
       true, with(apply_transform)},
      {Method::post, "/api/run", "Runs a plan, and leaves the session as it is",
       {{"plan_yaml", Type::text, true, "The plan"}}, true, with(run_plan)},
  };
}

}  // namespace brainsurgery::web
