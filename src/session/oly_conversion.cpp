#include "session/oly_conversion.h"

#include <algorithm>
#include <iterator>

#include "plan/config_items.h"
#include "plan/oly.h"
#include "plan/plan_file.h"
#include "plan/yaml_printer.h"

namespace brainsurgery {

std::string oly_to_yaml(const std::vector<std::shared_ptr<const SourceText>>& texts) {
  Diagnostics diagnostics;
  YamlItems steps;
  for (const std::shared_ptr<const SourceText>& text : texts) {
    std::ranges::copy(parse_oly_lines(text, diagnostics), std::back_inserter(steps));
  }
  diagnostics.throw_if_errors();
  return steps.empty() ? "" : print_yaml(*YamlNode::sequence({}, std::move(steps)));
}

std::string plan_to_oly(const PlanSource& source, const VariableLookup& environment) {
  Diagnostics diagnostics;
  const std::optional<Config> config = read_config(source.items, environment, diagnostics);
  diagnostics.throw_if_errors();
  const Plan plan = parse_plan(config->root, config->referred_keys, diagnostics);
  diagnostics.throw_if_errors();
  std::string lines;
  for (const PlanStep& step : plan.steps) {
    try {
      lines += print_oly(*to_yaml(step)) + "\n";
    } catch (const Error& error) {
      diagnostics.add(error);
    }
  }
  diagnostics.throw_if_errors();
  return lines;
}

}  // namespace brainsurgery
