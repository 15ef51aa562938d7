// Where the parts that an index names are taken from.
#include <gtest/gtest.h>

#include "brainsurgery/expr.h"
#include "graph/visitor.h"

namespace brainsurgery::testing {
namespace {

Expr numbers(DType dtype, Shape shape) {
  const auto bytes = static_cast<std::size_t>(byte_count(dtype, shape));
  return literal({dtype, std::move(shape)}, std::vector<std::byte>(bytes));
}

// 2^60 paths lead to the tensor at the bottom.
TEST(Take, GoesThroughEveryNodeOnce) {
  Expr sum = numbers(DType::F32, {4, 2});
  for (int i = 0; i < 30; ++i) sum = map(operation("add"), {sum, sum});
  const Expr taken = take(sum, numbers(DType::I64, {3}), 0);
  EXPECT_EQ(taken.shape(), (Shape{3, 2}));
  const auto* last = as<nodes::Map>(taken);
  ASSERT_NE(last, nullptr);
  EXPECT_TRUE(last->parts[0] == last->parts[1]);
}

TEST(Take, LeavesWhatIsRepeatedAlone) {
  const Expr base = numbers(DType::F32, {4, 2}), one = numbers(DType::F32, {});
  const Expr taken = take(map(operation("add"), {base, one}), numbers(DType::I64, {3}), 0);
  const auto* sum = as<nodes::Map>(taken);
  ASSERT_NE(sum, nullptr);
  EXPECT_NE(as<nodes::Take>(sum->parts[0]), nullptr);
  const auto* repeated = as<nodes::Broadcast>(sum->parts[1]);
  ASSERT_NE(repeated, nullptr);
  EXPECT_TRUE(repeated->base == one);
}

// An index that is out of range has to be refused by somebody.
TEST(Take, OfRepeatedNumbersAloneReadsTheIndex) {
  const Expr repeated = broadcast(numbers(DType::F32, {}), {4, 2});
  EXPECT_NE(as<nodes::Take>(take(repeated, numbers(DType::I64, {3}), 0)), nullptr);
}

}  // namespace
}  // namespace brainsurgery::testing
