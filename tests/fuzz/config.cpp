// Config items between lines of `%%`: `@key=value`, `+OLY`, else a file. A plan comes about or messages do; what is
// printed of the plan is the same plan.
#include "fuzz/fuzz.h"
#include "plan/config_items.h"
#include "plan/plan_file.h"
#include "plan/yaml_printer.h"

using namespace brainsurgery;

namespace {

ConfigItem item_of(const std::string& part) {
  if (part.starts_with('@')) return {ConfigItem::Kind::assignment, fuzz::source(part.substr(1))};
  if (part.starts_with('+')) return {ConfigItem::Kind::step, fuzz::source(part.substr(1))};
  return {ConfigItem::Kind::file, fuzz::source(part)};
}

void check_printed(const Plan& plan) {
  const YamlPtr tree = to_yaml(plan);
  constexpr std::size_t kMost = 5000;
  if (fuzz::size_up_to(*tree, kMost) >= kMost) return;
  std::string printed;
  try {
    printed = print_plan(plan);
  } catch (const Error& error) {
    fuzz::accept(error);
    return;
  }
  Diagnostics none;
  const YamlPtr root = parse_yaml(fuzz::source(printed), none);
  REQUIRE(root != nullptr);
  const Plan again = parse_plan(root, {}, none);
  REQUIRE(!none.has_errors());
  REQUIRE(same_value(*to_yaml(again), *tree));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<ConfigItem> items;
  for (const std::string& part : fuzz::parts_of(fuzz::text_of(data, size), "%%")) items.push_back(item_of(part));
  const VariableLookup environment = [](const std::string& name) {
    return name.size() % 2 == 0 ? std::optional<std::string>("[" + name + "]") : std::nullopt;
  };
  Diagnostics diagnostics;
  const std::optional<Config> config = read_config(items, environment, diagnostics);
  REQUIRE(config.has_value() == !diagnostics.has_errors());
  if (config) {
    const Plan plan = parse_plan(config->root, config->referred_keys, diagnostics);
    if (!diagnostics.has_errors()) check_printed(plan);
  }
  fuzz::accept(diagnostics);
  return 0;
}
