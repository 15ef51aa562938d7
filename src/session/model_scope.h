// Names that expressions in ${...} take from models and files, as they are at a step:
//
//   config.hidden_size         config('lora').r                 of config.json
//   shape('lm_head.weight')[0] dtype('base::lm_head.weight')    of a tensor
//   file('keep.json')          file('names.csv')                JSON, YAML; CSV with a header line; lines of text
//
// and the plan's parameters whose values have such names.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/workspace.h"
#include "documents/json_value.h"
#include "formula/evaluate.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// JSON as a value of expressions. A number that is no integer of 64 bits is a float.
[[nodiscard]] PlanValue value_of_json(const JsonValue& value);

// Whether the name is one that only models and files give: config, dtype, file, shape.
[[nodiscard]] bool is_model_name(std::string_view name);

// Where the values come from. All may throw Error(plan) or Error(run).
struct ModelAccess {
  std::function<const StateDict&(const std::string& alias)> names;
  std::function<PlanValue(const std::string& alias)> config;
  std::function<std::string(const std::string& path)> read_text;
};

// Throws Error(plan) without a place for arguments that are wrong, names that do not exist, files that are no text and
// parameters that refer to themselves, and what the access throws. Remembers what it read: for one thread.
class ModelScope : public ValueScope {
 public:
  // `parameters` is kept by reference.
  ModelScope(ModelAccess access, std::optional<std::string> default_alias,
             const std::vector<std::pair<std::string, YamlPtr>>& parameters)
      : access_(std::move(access)), default_alias_(std::move(default_alias)), parameters_(parameters) {}

  [[nodiscard]] bool knows(std::string_view name) const override;
  [[nodiscard]] std::optional<PlanValue> value(std::string_view name) const override;
  [[nodiscard]] std::optional<PlanValue> call(std::string_view function,
                                              const std::vector<PlanValue>& arguments) const override;
  [[nodiscard]] std::vector<std::string> names() const override;

 private:
  [[nodiscard]] const TensorDesc& desc_of(const std::string& reference) const;
  [[nodiscard]] PlanValue value_of_parameter(const std::string& name, const YamlPtr& value) const;
  [[nodiscard]] PlanValue contents_of(const std::string& path) const;
  [[nodiscard]] const std::string& alias_or_default(const std::string& alias) const;

  ModelAccess access_;
  std::optional<std::string> default_alias_;
  const std::vector<std::pair<std::string, YamlPtr>>& parameters_;
  mutable std::map<std::string, PlanValue> known_;  // files and configs that were read, parameters that were evaluated
  mutable std::vector<std::string> evaluating_;     // parameters, each for the one before it
};

}  // namespace brainsurgery
