#include "merging/truncation.h"

#include <cstring>

#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

// 1 where the row is before the column: a row times it gives, in each column, the sum of what is before.
Expr before_each(std::int64_t count) {
  std::vector<double> elements(static_cast<std::size_t>(count * count));
  for (std::int64_t row = 0; row < count; ++row) {
    for (std::int64_t column = row + 1; column < count; ++column)
      elements[static_cast<std::size_t>(row * count + column)] = 1;
  }
  std::vector<std::byte> bytes(elements.size() * sizeof(double));
  std::memcpy(bytes.data(), elements.data(), bytes.size());
  return literal({DType::F64, {count, count}}, std::move(bytes));
}

}  // namespace

Truncated truncated(const Expr& matrix, const RankChoice& choice) {
  const LowRank factors = low_rank(matrix, choice.rank, choice.method);
  const Expr& left = factors.left;
  const std::int64_t rank = left.shape()[1];
  const Expr values = reduce(reducer("dot"), {left, left}, {0}, true);  // [1, r]: a column has the root of each
  const Expr squares = values * values;
  const Expr total = dot(matrix, matrix);
  Expr wanted = less(number(0, DType::F64), values);
  if (choice.threshold) wanted = less(number(*choice.threshold, DType::F64), values);
  if (choice.energy) {
    const Expr enough = less(matmul(squares, before_each(rank)), *choice.energy * total);
    wanted = map(operation("and"), {wanted, enough});
  }
  const Expr mask = cast(wanted, DType::F64);
  Truncated result{factors.right, left, total, reduce(reducer("dot"), {squares, mask}), reduce(reducer("count"), {wanted})};
  if (choice.depends_on_values()) {
    result.a = result.a * reshape(mask, {rank, 1});
    result.b = result.b * mask;
  }
  return result;
}

}  // namespace brainsurgery::merging
