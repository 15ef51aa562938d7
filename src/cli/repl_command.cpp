#include "cli/repl_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "cli/config_arguments.h"

namespace brainsurgery {
namespace {

// "gpt2-medium" of models/gpt2-medium.safetensors or of the folder models/gpt2-medium/.
std::string alias_for(std::string path, std::set<std::string>& taken) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::string name = path.substr(path.rfind('/') + 1);
  name = name.substr(0, name.find('.', 1));
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!plain) c = '_';
  }
  std::string alias = name;
  for (int number = 2; !taken.insert(alias).second; ++number) alias = fmt::format("{}_{}", name, number);
  return alias;
}

ConfigItem inputs_of(const std::vector<std::string>& checkpoints) {
  std::set<std::string> taken;
  std::string yaml;
  for (const std::string& checkpoint : checkpoints) {
    const bool needs_alias = checkpoints.size() > 1 && checkpoint.find("::") == std::string::npos;
    yaml += yaml.empty() ? "inputs: [" : ", ";
    append_json_string(yaml, needs_alias ? alias_for(checkpoint, taken) + "::" + checkpoint : checkpoint,
                       JsonEscapes::controls_only);
  }
  return {ConfigItem::Kind::file, std::make_shared<SourceText>(SourceText{"arguments", yaml + "]\n"})};
}

}  // namespace

ReplItems split_repl_items(const std::vector<std::string>& items, Env& env) {
  ReplItems split;
  std::vector<std::string> checkpoints;
  for (const std::string& item : items) {
    const std::size_t colons = item.find("::");
    const bool exists = env.status(colons == std::string::npos ? item : item.substr(colons + 2)).has_value();
    const bool is_value = item.find('=') != std::string::npos && !exists;
    if (has_plan_suffix(item) || is_value) {
      split.plans.push_back(item);
    } else if (exists) {
      checkpoints.push_back(item);
    } else {
      throw Error(ErrorCode::plan, fmt::format("'{}' does not exist", item), {}, {"a plan ends in .yaml or .yml"});
    }
  }
  if (checkpoints.empty()) return split;
  if (!split.plans.empty())
    throw Error(ErrorCode::plan, "a prompt begins with plans or with checkpoints", {}, {"the inputs of a plan are its checkpoints"});
  split.inputs = inputs_of(checkpoints);
  return split;
}

}  // namespace brainsurgery
