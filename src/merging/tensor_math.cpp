#include "merging/tensor_math.h"

#include <array>

#include "kernels/kernels.h"

namespace brainsurgery::merging {

Expr number(double value, DType dtype) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(item_size(dtype)));
  kernels::cast(DType::F64, &value, dtype, bytes.data(), 1);
  return literal({dtype, {}}, std::move(bytes));
}

Expr dot(const Expr& a, const Expr& b, const std::vector<int>& axes) {
  return reduce(reducer("dot"), {cast(a, DType::F64), cast(b, DType::F64)}, axes, !axes.empty());
}

// Terms narrower than float32 are added in it, and the sum is rounded once: so does torch.sum.
Expr sum(const std::vector<Expr>& terms) {
  const DType dtype = terms.front().dtype(), adding = dtype == DType::F64 ? DType::F64 : DType::F32;
  Expr total;
  for (const Expr& term : terms) {
    Expr wide = cast(term, adding);
    total = total ? total + wide : std::move(wide);
  }
  return cast(std::move(total), dtype);
}

}  // namespace brainsurgery::merging
