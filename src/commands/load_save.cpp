// load, save: models and single tensors from files and to files.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "commands/families.h"

namespace brainsurgery {
namespace {

constexpr const char *kLoad = "load", *kSave = "save";

constexpr const char* kFallbackAlias = "model";

constexpr const char* kAnyFormat = "auto";

struct LoadSpec {
  std::string path;
  std::optional<std::string> alias;
  std::optional<TensorRef> to;
  std::optional<std::string> format;

  [[nodiscard]] std::string target_alias(const std::optional<std::string>& default_alias) const {
    if (to && to->alias) return *to->alias;
    return alias ? *alias : default_alias.value_or(kFallbackAlias);
  }
};

std::optional<FieldProblem> problem_of_load_save(const LoadSpec& spec) {
  if (!spec.to) {
    if (spec.format.value_or(kAnyFormat) != kAnyFormat)
      return FieldProblem{"format", "is for single tensors, which need 'to'"};
    return std::nullopt;
  }
  if (spec.alias && spec.to->alias && *spec.alias != *spec.to->alias)
    return FieldProblem{"alias", fmt::format("'{}' is not the alias of 'to', '{}'", *spec.alias, *spec.to->alias)};
  return std::nullopt;
}

void load(const LoadSpec& spec, PlanScope& plan) {
  LoadRequest request{spec.path, spec.target_alias(plan.default_alias()), std::nullopt, {}};
  if (spec.to) request.tensor = spec.to->expr;
  if (spec.format.value_or(kAnyFormat) != kAnyFormat) request.formats = {*spec.format};
  if (spec.format == "numpy") request.formats.emplace_back("npz");  // what numpy.load takes
  plan.load(request);
  plan.announce(spec.to ? fmt::format("load: {} -> {}::{}", spec.path, request.alias, *request.tensor)
                        : fmt::format("load: {} -> alias {}", spec.path, request.alias));
}

struct SaveSpec : FileTarget {
  std::optional<std::string> alias;
  std::optional<TensorRef> target;
};

std::optional<FieldProblem> problem_of_save(const SaveSpec& spec) {
  if (spec.target && spec.shard) return FieldProblem{"shard", "is for whole models"};
  if (spec.target && spec.tied) return FieldProblem{"tied", "is for whole models"};
  if (spec.target && spec.carry) return FieldProblem{"carry", "is for whole models"};
  if (spec.target && spec.alias && spec.target->alias && *spec.alias != *spec.target->alias)
    return FieldProblem{"alias",
                        fmt::format("'{}' is not the alias of 'target', '{}'", *spec.alias, *spec.target->alias)};
  return std::nullopt;
}

std::string source_alias(const SaveSpec& spec, const PlanScope& plan) {
  if (spec.target && spec.target->alias) return *spec.target->alias;
  return chosen_alias(kSave, "alias", spec.alias, plan);
}

// As NumPy does.
std::string written_path(const SaveSpec& spec) {
  return spec.format == "numpy" && !spec.path.ends_with(".npy") ? spec.path + ".npy" : spec.path;
}

void save(const SaveSpec& spec, PlanScope& plan) {
  SaveRequest request{spec, source_alias(spec, plan), std::nullopt};
  request.target.path = written_path(spec);
  if (spec.target) request.tensor = spec.target->expr;
  plan.save(request);
  plan.announce(spec.target ? fmt::format("save: {}::{} -> {}", request.alias, *request.tensor, spec.path)
                            : fmt::format("save: {} -> {}", request.alias, spec.path));
}

PlanStep step(const char* name, const SourceSpan& span,
              const std::vector<std::pair<const char*, std::optional<std::string>>>& keys) {
  YamlEntries entries;
  for (const auto& [key, value] : keys) {
    if (value) entries.emplace_back(YamlNode::text(span, key), YamlNode::text(span, *value));
  }
  return {name, YamlNode::mapping(span, std::move(entries)), span};
}

}  // namespace

std::string chosen_alias(std::string_view step, std::string_view key, const std::optional<std::string>& named,
                         const PlanScope& plan) {
  if (named) return *named;
  const std::vector<std::string> aliases = plan.aliases();
  if (const std::optional<std::string> fallback = plan.default_alias();
      fallback && std::ranges::find(aliases, *fallback) != aliases.end())
    return *fallback;
  if (aliases.size() == 1) return aliases.front();
  const char* what = step == kSave ? "save" : "edit";
  throw Error(ErrorCode::plan, aliases.empty() ? fmt::format("{}: there is no model to {}", step, what)
                                               : fmt::format("{}: there are several models, name one: {}: {}", step, key,
                                                             fmt::join(aliases, " or ")));
}

PlanStep load_step(const PlanInput& input) {
  if (input.digest) {
    throw Error(ErrorCode::plan, fmt::format("input '{}': only the plan that is run can state a digest", input.alias),
                input.span);
  }
  return step(kLoad, input.span, {{"path", input.path}, {"alias", input.alias}});
}

PlanStep save_step(const PlanOutput& output) {
  std::optional<std::string> tied, layout;
  if (output.tied) tied = kTiedSpellings[static_cast<std::size_t>(*output.tied)];
  if (output.layout) layout = kArrangementSpellings[static_cast<std::size_t>(*output.layout)];
  PlanStep saving = step(kSave, output.span,
                         {{"path", output.path},
                          {"alias", output.model},
                          {"format", output.format},
                          {"shard", output.shard},
                          {"tied", tied},
                          {"layout", layout},
                          {"expect", output.expect}});
  YamlEntries entries = saving.payload->entries();
  if (output.carry) entries.emplace_back(YamlNode::text(output.span, "carry"), to_yaml(*output.carry));
  if (output.adjust) {
    entries.emplace_back(YamlNode::text(output.span, "auto"),
                         YamlNode::plain(output.span, *output.adjust ? "true" : "false"));
  }
  saving.payload = YamlNode::mapping(output.span, std::move(entries));
  return saving;
}

void add_load_save(StepRegistry& registry, const FormatNames& formats) {
  SchemaBuilder<LoadSpec> loading(
      kLoad, {"Opens a checkpoint under an alias, or takes one tensor from a file.",
               "Without 'to' the whole checkpoint, a file or a directory, becomes a new alias. With 'to' the file must "
               "hold exactly one tensor; its name in the file does not matter. The payload may be the path alone.",
               "load: {path: tiny_gpt2.safetensors, alias: base}"});
  loading.called_elsewhere({"open", "read", "input"});
  loading.text(&LoadSpec::path, "path", Scalar::path).require().doc("The file or directory.");
  loading.text(&LoadSpec::alias, "alias", Scalar::alias)
      .defaults_to("the default alias, else model")
      .doc("The alias to open it under.");
  loading.reference(&LoadSpec::to, "to", roles::loaded()).doc("One tensor: its new name.");
  std::vector<std::string> loaded{kAnyFormat};
  std::ranges::copy(formats.readable, std::back_inserter(loaded));
  loading.word(&LoadSpec::format, "format", std::move(loaded))
      .defaults_to("auto")
      .doc("One tensor: the format of the file; auto detects it; numpy includes npz.");
  loading.shorthand("path");
  loading.check(problem_of_load_save);
  const auto introduced = [](const void* spec, const std::optional<std::string>& default_alias) {
    return static_cast<const LoadSpec*>(spec)->target_alias(default_alias);
  };
  registry.add(make_control<LoadSpec>(loading, load, {.introduces = introduced, .has_impact = true}));

  SchemaBuilder<SaveSpec> saving(
      kSave, {"Writes a model, or one tensor, as it is at this step.",
               "The format is that of the path's suffix unless it is named; a path without a suffix is a directory. "
               "The payload may be the path alone.",
               "save: {path: before.safetensors, alias: model}"});
  saving.called_elsewhere({"write", "output", "export"});
  add_file_fields(saving, formats);
  saving.text(&SaveSpec::alias, "alias", Scalar::alias)
      .defaults_to("the default alias, else the only one")
      .doc("The alias of the model.");
  saving.reference(&SaveSpec::target, "target", roles::saved()).doc("One tensor, by its name, instead of the model.");
  saving.shorthand("path");
  saving.check(problem_of_save);
  const auto written = [](const void* spec) { return written_path(*static_cast<const SaveSpec*>(spec)); };
  registry.add(make_control<SaveSpec>(saving, save, {.writes = written, .has_impact = true}));
}

}  // namespace brainsurgery
