// An adapter that a step makes: its tensors, and adapter_config.json as PEFT reads it.
//
//   AdapterWriter writer;
//   writer.add_factors("model.layers.0.mlp.up_proj", a, b);
//   writer.write(plan, "lora");
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "steps/plan_scope.h"

namespace brainsurgery::merging {

class AdapterWriter {
 public:
  // a: [r, in, ...], b: [out, r, ...]; the scale is 1.
  void add_factors(const std::string& module, Expr a, Expr b);
  // a: [r, vocabulary], b: [size, r].
  void add_embedding(const std::string& module, Expr a, Expr b);
  // What is added to the bias of a module with factors.
  void add_bias(const std::string& module, Expr bias);
  // A tensor that takes the place of the base's.
  void add_whole(const std::string& module, const std::string& tensor, Expr value);
  // Weights are stored [in, out].
  void set_fan_in_fan_out(bool is_turned) { is_turned_ = is_turned; }

  [[nodiscard]] bool empty() const { return tensors_.empty(); }
  [[nodiscard]] std::size_t tensors() const { return tensors_.size(); }
  // As the model `alias`. `base`: the path of the base, as PEFT keeps it; may be empty.
  void write(PlanScope& plan, const std::string& alias, const std::string& base) &&;

 private:
  [[nodiscard]] std::int64_t usual_rank() const;

  std::vector<NewTensor> tensors_;
  std::map<std::string, std::int64_t> ranks_;  // by module
  std::set<std::string> saved_;                // last words of modules
  bool has_bias_ = false, is_turned_ = false;
};

}  // namespace brainsurgery::merging
