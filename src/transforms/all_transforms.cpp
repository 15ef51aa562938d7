#include "transforms/families.h"

namespace brainsurgery {

void add_transforms(StepRegistry& registry, std::shared_ptr<const FormulaFunctions> functions) {
  add_copy_move(registry);
  add_arithmetic(registry);
  add_matmul(registry);
  add_compute(registry, std::move(functions));
  add_scale(registry);
  add_cast(registry);
  add_clamp(registry);
  add_reshape(registry);
  add_permute(registry);
  add_rearrange(registry);
  add_reductions(registry);
  add_take(registry);
  add_split_concat(registry);
  add_phlora(registry);
  add_create(registry);
  add_fill(registry);
  add_resize(registry);
  add_interpolate(registry);
  add_linear(registry);
  add_fold(registry);
  add_project_out(registry);
}

}  // namespace brainsurgery
