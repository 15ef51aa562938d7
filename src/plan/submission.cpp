#include "plan/submission.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "plan/interpolation.h"
#include "plan/oly.h"
#include "plan/yaml_printer.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

// Names that interpolations do not explain stay: parameters, `each` and models may.
Plan plan_of_steps(const YamlPtr& steps, const VariableLookup& environment, Diagnostics& diagnostics) {
  const YamlPtr root = YamlNode::mapping(steps->span(), {{YamlNode::text(steps->span(), "transforms"), steps}});
  const std::optional<Config> config = interpolate(root, environment, diagnostics);
  return config ? parse_plan(config->root, config->referred_keys, diagnostics) : Plan();
}

std::optional<PlanStep> read_line(std::shared_ptr<const SourceText> line) {
  try {
    const YamlPtr step = parse_oly(line);
    const auto& [command, payload] = step->entries().front();
    const bool bare = payload->entries().empty() && !trim(line->text).ends_with('}');
    return PlanStep{command->text(), bare ? YamlNode::null(payload->span()) : payload, command->span()};
  } catch (const Error&) {
    return std::nullopt;
  }
}

// The text without its last line's end, where it is one line.
std::optional<std::string> only_line(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text.find('\n') == std::string::npos ? std::optional(std::move(text)) : std::nullopt;
}

// Of text that is neither, the first mistake in each reading: the others mostly follow from it.
Error neither(const Diagnostics& as_yaml, const Diagnostics& as_oly) {
  std::vector<Diagnostic> mistakes;
  for (const auto& [found, language] : {std::pair{&as_yaml, "YAML"}, {&as_oly, "OLY"}}) {
    Diagnostic first = *std::ranges::find(found->items(), Severity::error, &Diagnostic::severity);
    first.notes.push_back(std::string("read as ") + language);
    mistakes.push_back(std::move(first));
  }
  return {ErrorCode::plan, std::move(mistakes)};
}

}  // namespace

std::vector<PlanStep> parse_submission(const std::shared_ptr<const SourceText>& text,
                                       const VariableLookup& environment) {
  if (std::optional<std::string> line = only_line(text->text)) {
    if (std::optional<PlanStep> step =
            read_line(std::make_shared<SourceText>(SourceText{text->name, *std::move(line)}))) {
      if (step->payload->is_null()) return {*std::move(step)};
      Diagnostics mistakes;
      Plan plan = plan_of_steps(YamlNode::sequence(step->span, {to_yaml(*step)}), environment, mistakes);
      mistakes.throw_if_errors();
      return std::move(plan.steps);
    }
  }
  Diagnostics as_yaml;
  const YamlPtr root = parse_yaml(text, as_yaml);
  Plan yaml;
  if (root != nullptr) yaml = plan_of_steps(root, environment, as_yaml);
  if (!as_yaml.has_errors()) return yaml.steps;
  Diagnostics as_oly;
  const std::vector<YamlPtr> lines = parse_oly_lines(text, as_oly);
  if (!as_oly.has_errors()) return plan_of_steps(YamlNode::sequence({text}, lines), environment, as_oly).steps;
  if (root != nullptr) as_yaml.throw_if_errors();  // YAML, but no steps
  throw neither(as_yaml, as_oly);
}

std::optional<PlanStep> step_of_line(std::string_view line) {
  return read_line(std::make_shared<SourceText>(SourceText{"", std::string(line)}));
}

}  // namespace brainsurgery
