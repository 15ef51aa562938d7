#include <algorithm>

#include "brainsurgery/error.h"
#include "transforms/families.h"

namespace brainsurgery {

void TransformRegistry::add(Edit edit) {
  BS_CHECK(find(edit.schema.name) == nullptr);
  edits_.push_back(std::move(edit));
}

const Edit* TransformRegistry::find(std::string_view name) const {
  const auto found =
      std::ranges::find(edits_, name, [](const Edit& edit) -> std::string_view { return edit.schema.name; });
  return found == edits_.end() ? nullptr : &*found;
}

TransformRegistry all_transforms() {
  TransformRegistry registry;
  add_copy_move(registry);
  add_arithmetic(registry);
  add_matmul(registry);
  add_compute(registry);
  add_scale(registry);
  add_cast(registry);
  add_clamp(registry);
  add_reshape(registry);
  add_permute(registry);
  add_reductions(registry);
  add_take(registry);
  add_split_concat(registry);
  add_phlora(registry);
  add_create(registry);
  add_fill(registry);
  return registry;
}

}  // namespace brainsurgery
