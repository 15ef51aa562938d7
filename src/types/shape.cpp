#include <fmt/format.h>

#include <algorithm>

#include "base/checked_math.h"
#include "brainsurgery/error.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (const std::int64_t size : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
  return out + "]";
}

std::int64_t element_count(const Shape& shape) {
  // An empty dimension makes the tensor empty, however large the others are.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    const auto product = size < 0 ? std::nullopt : try_multiply(count, size);
    if (!product) throw Error(ErrorCode::run, "the number of elements of shape " + to_string(shape) + " is too large");
    count = *product;
  }
  return count;
}

std::int64_t byte_count(DType dtype, const Shape& shape) {
  const std::int64_t count = element_count(shape);
  const int bits = info(dtype).bits;
  if (bits % 8 == 0) {
    if (const auto bytes = try_multiply(count, bits / 8)) return *bytes;
  } else if (const auto total = try_multiply(count, bits)) {
    if (*total % 8 == 0) return *total / 8;
    throw Error(ErrorCode::run, fmt::format("{} elements of {} do not fill whole bytes: shape {}", count,
                                            info(dtype).name, to_string(shape)));
  }
  throw Error(ErrorCode::run,
              fmt::format("the size of a {} tensor of shape {} is too large", to_string(dtype), to_string(shape)));
}

std::int64_t item_size(DType dtype) {
  const int bits = info(dtype).bits;
  BS_CHECK(bits % 8 == 0);
  return bits / 8;
}

std::vector<std::int64_t> row_major_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) {
    // An empty tensor is never walked, so its strides only must not overflow.
    strides[i - 1] = try_multiply(strides[i], std::max<std::int64_t>(shape[i], 1)).value_or(0);
  }
  return strides;
}

bool is_packed(const Shape& shape, const std::vector<std::int64_t>& strides) {
  if (std::ranges::find(shape, 0) != shape.end()) return true;
  const std::vector<std::int64_t> packed = row_major_strides(shape);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1 && strides[i] != packed[i]) return false;  // nobody walks along a dimension of size 1
  }
  return true;
}

std::int64_t strided_extent(const Shape& shape, const std::vector<std::int64_t>& strides) {
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i)
    last = checked_add(last, checked_mul(shape[i] - 1, strides[i], "the extent of a view"), "the extent of a view");
  return checked_add(last, 1, "the extent of a view");
}

}  // namespace brainsurgery
