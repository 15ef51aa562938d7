#include <algorithm>
#include <vector>

#include "brainsurgery/error.h"
#include "kernels/element.h"
#include "kernels/kernels.h"
#include "kernels/small_dense.h"
#include "kernels/wide.h"

namespace brainsurgery::kernels {
namespace {

// sums [n] = a [k] @ b [k, n], each element summed over k in ascending order.
template <typename Element, typename Sum>
struct RowLoop {
  BS_INLINE static void run(const Element* a, const Element* b, Sum* sums, std::int64_t k, std::int64_t n) {
    std::fill_n(sums, n, Sum{});
    for (std::int64_t p = 0; p < k; ++p) {
      const Sum factor = static_cast<Sum>(a[p]);
      const Element* other = b + p * n;
      BS_NO_DEPENDENCE
      for (std::int64_t j = 0; j < n; ++j) sums[j] += factor * static_cast<Sum>(other[j]);
    }
    for (std::int64_t j = 0; j < n; ++j) sums[j] = NativeCodec<Sum>::encode(sums[j]);  // one pattern of NaN
  }
};

// An operand as a stack of matrices, one for each index of its leading dimensions.
struct Stack {
  std::vector<std::int64_t> batch;
  std::int64_t rows, columns;
};

Stack left_stack(const Shape& shape) {
  if (shape.size() == 1) return {{}, 1, shape[0]};
  return {{shape.begin(), shape.end() - 2}, shape[shape.size() - 2], shape.back()};
}

Stack right_stack(const Shape& shape) {
  if (shape.size() == 1) return {{}, shape[0], 1};
  return left_stack(shape);
}

std::vector<std::int64_t> batch_of(const Stack& a, const Stack& b) {
  std::vector<std::int64_t> sizes(std::max(a.batch.size(), b.batch.size()), 1);
  for (const Stack* stack : {&a, &b}) {
    for (std::size_t i = 0; i < stack->batch.size(); ++i) {
      std::int64_t& size = sizes[sizes.size() - stack->batch.size() + i];
      if (stack->batch[i] != 1) size = stack->batch[i];
    }
  }
  return sizes;
}

// The number of the operand's matrix that takes part in product number `index` of a batch of `sizes`.
std::int64_t matrix_number(const Stack& stack, const std::vector<std::int64_t>& sizes, std::int64_t index) {
  std::int64_t number = 0, step = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {  // from the last dimension on
    const std::int64_t size = sizes[sizes.size() - 1 - i];
    const std::int64_t own = i < stack.batch.size() ? stack.batch[stack.batch.size() - 1 - i] : 1;
    if (own != 1) number += index % size * step;
    step *= own;
    index /= size;
  }
  return number;
}

// Element, Sum: how the operands are stored, and the type of the sums, which `sum_dtype` names for cast(). Integers are
// summed as unsigned ones, which wrap.
template <typename Element, typename Sum>
void multiply(const ConstTensor& a, const ConstTensor& b, DType sum_dtype, std::byte* out, const TensorDesc& out_desc) {
  const Stack left = left_stack(a.desc.shape), right = right_stack(b.desc.shape);
  const std::vector<std::int64_t> batch = batch_of(left, right);
  const std::int64_t n = right.columns, rows = n == 0 ? 0 : element_count(out_desc.shape) / n;
  const auto* const x = reinterpret_cast<const Element*>(a.data);
  const auto* const y = reinterpret_cast<const Element*>(b.data);
  std::vector<Sum> sums(static_cast<std::size_t>(n));
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t product = row / left.rows;
    const std::int64_t left_row = matrix_number(left, batch, product) * left.rows + row % left.rows;
    run_widest<RowLoop<Element, Sum>>(x + left_row * left.columns,
                                      y + matrix_number(right, batch, product) * right.rows * n, sums.data(),
                                      left.columns, n);
    cast(sum_dtype, sums.data(), out_desc.dtype, out + row * n * item_size(out_desc.dtype), n);
  }
}

std::vector<float> as_floats(const ConstTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(element_count(tensor.desc.shape)));
  cast(tensor.desc.dtype, tensor.data, DType::F32, values.data(), std::ssize(values));
  return values;
}

}  // namespace

void small_product(const ConstTensor& a, const ConstTensor& b, std::byte* out, const TensorDesc& out_desc) {
  switch (a.desc.dtype) {
    case DType::F64:
      return multiply<double, double>(a, b, DType::F64, out, out_desc);
    case DType::F32:
      return multiply<float, double>(a, b, DType::F64, out, out_desc);
    case DType::I64:
      return multiply<std::int64_t, std::uint64_t>(a, b, DType::I64, out, out_desc);
    case DType::I32:
      return multiply<std::int32_t, std::uint64_t>(a, b, DType::I64, out, out_desc);
    case DType::I16:
      return multiply<std::int16_t, std::uint64_t>(a, b, DType::I64, out, out_desc);
    case DType::I8:
      return multiply<std::int8_t, std::uint64_t>(a, b, DType::I64, out, out_desc);
    case DType::U8:
      return multiply<std::uint8_t, std::uint64_t>(a, b, DType::I64, out, out_desc);
    default: {
      BS_CHECK(a.desc.dtype == DType::F16 || a.desc.dtype == DType::BF16);
      const std::vector<float> x = as_floats(a), y = as_floats(b);
      const TensorDesc left{DType::F32, a.desc.shape}, right{DType::F32, b.desc.shape};
      return multiply<float, double>({reinterpret_cast<const std::byte*>(x.data()), left},
                                     {reinterpret_cast<const std::byte*>(y.data()), right}, DType::F64, out, out_desc);
    }
  }
}

}  // namespace brainsurgery::kernels
