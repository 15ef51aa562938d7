// Names and parts of tensors as the references of the step at hand ask for them.
#pragma once

#include <set>
#include <string>

#include "brainsurgery/expr.h"
#include "brainsurgery/tensor_ref.h"
#include "session/models.h"
#include "session/step_binding.h"

namespace brainsurgery {

class StepNames {
 public:
  StepNames(StepBinding& step, Models& models) : step_(step), models_(models) {}

  // Those of the alias; opens its input. Throws Error(plan) for an unknown one.
  [[nodiscard]] const StateDict& of(const std::string& alias) { return models_.names(alias, step_.name()); }
  // A tensor that exists.
  [[nodiscard]] const Expr& tensor(const std::string& alias, const std::string& name);
  // The part that the reference's slice selects. `alias` and `name`: of the tensor, for messages. Warns of a slice that
  // is cut off: once for a reference, however many names it matches.
  [[nodiscard]] Expr sliced(const Expr& expr, const TensorRef& ref, const std::string& alias, const std::string& name);
  [[nodiscard]] Region region(const TensorRef& ref, const Shape& shape, const std::string& alias,
                              const std::string& name);

 private:
  void warn_of_clipping(const TensorRef& ref, const Region& region, const Shape& shape, const std::string& label);

  StepBinding& step_;
  Models& models_;
  std::set<const TensorRef*> clipped_;  // that were warned of
};

}  // namespace brainsurgery
