#include "session/plan_completion.h"

#include "brainsurgery/checkpoint.h"
#include "describe/completion.h"
#include "plan/config_items.h"
#include "plan/plan_file.h"

namespace brainsurgery {
namespace {

std::vector<std::string> names_in(Env& env, const Registries& registries, const std::string& path) {
  std::vector<std::string> names;
  try {
    for (const TensorEntry& tensor : open_checkpoint(env, registries.formats, path).tensors)
      names.push_back(tensor.name);
  } catch (const Error&) {  // nothing to offer
  }
  return names;
}

}  // namespace

std::vector<std::string> complete_plan_argument(Env& env, const Registries& registries,
                                                const VariableLookup& environment, const PlanSource& plan,
                                                const std::string& word) {
  Diagnostics ignored;
  const std::optional<Config> config = read_config(plan.items, environment, ignored);
  const YamlPtr root = config ? config->root : YamlNode::mapping({}, {});
  const ReferenceNames references = [&] {
    const Plan parsed = parse_plan(root, {}, ignored);
    std::vector<std::string> names;
    for (const PlanInput& input : parsed.inputs) {
      const std::string prefix = parsed.default_alias() ? "" : input.alias + "::";
      for (const std::string& name : names_in(env, registries, input.path)) names.push_back(prefix + name);
    }
    return names;
  };
  return complete_assignment(catalog_of(registries), *root, references, word);
}

}  // namespace brainsurgery
