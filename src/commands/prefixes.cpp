// prefixes: the aliases themselves.
#include <fmt/format.h>

#include <array>
#include <tuple>

#include "commands/families.h"
#include "plan/yaml_tree.h"
#include "steps/undo.h"

namespace brainsurgery {
namespace {

enum class PrefixMode : std::uint8_t { list, add, remove, rename };
const std::vector<std::string> kPrefixModes{"list", "add", "remove", "rename"};

struct PrefixesSpec {
  PrefixMode mode = PrefixMode::list;
  std::optional<std::string> alias, from, to;
};

std::optional<FieldProblem> problem_of_prefixes(const PrefixesSpec& spec) {
  const std::string& mode = kPrefixModes[static_cast<std::size_t>(spec.mode)];
  const bool takes_alias = spec.mode == PrefixMode::add || spec.mode == PrefixMode::remove;
  const bool takes_pair = spec.mode == PrefixMode::rename;
  const std::array<std::tuple<const char*, bool, bool>, 3> keys{{{"alias", spec.alias.has_value(), takes_alias},
                                                                 {"from", spec.from.has_value(), takes_pair},
                                                                 {"to", spec.to.has_value(), takes_pair}}};
  for (const auto& [key, given, taken] : keys) {
    if (given && !taken) return FieldProblem{key, fmt::format("mode {} does not take '{}'", mode, key)};
    if (!given && taken) return FieldProblem{"", fmt::format("mode {} needs '{}'", mode, key)};
  }
  if (takes_pair && *spec.from == *spec.to)
    return FieldProblem{"to", fmt::format("'{}' is the old name too", *spec.to)};
  return std::nullopt;
}

std::string list(const std::vector<std::string>& aliases) {
  if (aliases.empty()) return "No model prefixes available.\n";
  std::string text = "Available model prefixes:\n";
  for (const std::string& alias : aliases) text += fmt::format("  {}::\n", alias);
  return text;
}

constexpr const char* kPrefixes = "prefixes";

UndoingStep prefixes_back(const WrittenStep& written) {
  const YamlNode* mode = written.payload.find("mode");
  const auto is = [mode](PrefixMode wanted) { return mode != nullptr && mode->text() == kPrefixModes[static_cast<std::size_t>(wanted)]; };
  if (mode == nullptr || is(PrefixMode::list)) return {};
  const auto named = [&](PrefixMode back) { return YamlNode::text(mode->span(), kPrefixModes[static_cast<std::size_t>(back)]); };
  if (is(PrefixMode::add)) return {kPrefixes, payload_with(written, "mode", named(PrefixMode::remove))};
  if (!is(PrefixMode::rename)) cannot_undo(written, "the tensors of the alias are gone");
  return {kPrefixes, payload_of(written, {{"mode", named(PrefixMode::rename)},
                                          {"from", written_field(written, "to")},
                                          {"to", written_field(written, "from")}})};
}

void bind_prefixes(const PrefixesSpec& spec, PlanScope& plan) {
  std::string done = fmt::format("{}: ", kPrefixes) + kPrefixModes[static_cast<std::size_t>(spec.mode)];
  switch (spec.mode) {
    case PrefixMode::list:
      plan.print(list(plan.aliases()));
      break;
    case PrefixMode::add:
      plan.add_alias(*spec.alias);
      done += " " + *spec.alias;
      break;
    case PrefixMode::remove:
      plan.remove_alias(*spec.alias);
      done += " " + *spec.alias;
      break;
    case PrefixMode::rename:
      plan.rename_alias(*spec.from, *spec.to);
      done += fmt::format(" {} -> {}", *spec.from, *spec.to);
      break;
  }
  plan.announce(std::move(done));
}

}  // namespace

void add_prefixes(StepRegistry& registry) {
  SchemaBuilder<PrefixesSpec> schema(
      kPrefixes,
      {"Lists, adds, removes and renames the aliases of models.",
       "A new alias is empty; removing one forgets its tensors. No file is touched.",
       "prefixes: {mode: rename, from: base, to: original}", "- load: {path: tiny_gpt2.safetensors, alias: base}"});
  schema.choice(&PrefixesSpec::mode, "mode", kPrefixModes).defaults_to("list").doc("The action.");
  schema.text(&PrefixesSpec::alias, "alias", Scalar::alias).doc("add, remove: the alias.");
  schema.text(&PrefixesSpec::from, "from", Scalar::alias).doc("rename: the current alias.");
  schema.text(&PrefixesSpec::to, "to", Scalar::alias).doc("rename: the new alias.");
  schema.check(problem_of_prefixes);
  const auto introduced = [](const void* spec, const std::optional<std::string>&) {
    const auto& prefixes = *static_cast<const PrefixesSpec*>(spec);
    return prefixes.mode == PrefixMode::add ? *prefixes.alias : prefixes.mode == PrefixMode::rename ? *prefixes.to : "";
  };
  registry.add(make_control<PrefixesSpec>(schema, bind_prefixes, {.introduces = introduced, .has_impact = true})
                   .undone_by(prefixes_back));
}

}  // namespace brainsurgery
