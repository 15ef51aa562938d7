#include "session/step_names.h"

#include <fmt/format.h>

namespace brainsurgery {

const Expr& StepNames::tensor(const std::string& alias, const std::string& name) {
  const NamedTensor* tensor = of(alias).find(name);
  BS_CHECK(tensor != nullptr);
  return tensor->expr;
}

Expr StepNames::sliced(const Expr& expr, const TensorRef& ref, const std::string& alias, const std::string& name) {
  if (!ref.slice) return expr;
  require_readable(expr, label_of(alias, name));
  return brainsurgery::slice(expr, region(ref, expr.shape(), alias, name));
}

Region StepNames::region(const TensorRef& ref, const Shape& shape, const std::string& alias, const std::string& name) {
  try {
    Region region = brainsurgery::select(*ref.slice, shape);
    warn_of_clipping(ref, region, shape, label_of(alias, name));
    return region;
  } catch (const Error& error) {
    throw error.at(ref.span).with_note("in " + label_of(alias, name));
  }
}

void StepNames::warn_of_clipping(const TensorRef& ref, const Region& region, const Shape& shape,
                                 const std::string& label) {
  const std::optional<std::size_t> dimension = clipped_dimension(*ref.slice, shape);
  if (!dimension || !clipped_.insert(&ref).second) return;
  const bool is_outside = region.axes[*dimension].count == 0;
  step_.warn(ref.span, fmt::format("slice '{}' {}: dimension {} of {} has size {}", ref.slice->text,
                                   is_outside ? "selects nothing" : "is cut off", *dimension, label,
                                   shape[*dimension]));
}

}  // namespace brainsurgery
