#include "planner/narrowing.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "graph/visitor.h"
#include "support/expressions.h"
#include "unit/planner/named_file.h"

namespace brainsurgery {
namespace {

class NarrowingTest : public ::testing::Test {
 protected:
  Expr tensor(DType dtype) { return source(file_, 0, {dtype, {2, 3}}); }
  std::string narrowed(const Expr& expr) { return to_string(narrowing_.before_widening(expr)); }

  std::shared_ptr<const ReadableFile> file_ = std::make_shared<testing::NamedFile>("a");
  Narrowing narrowing_;
};

TEST_F(NarrowingTest, LeavesWideningOut) {
  for (const DType dtype : {DType::BF16, DType::F16, DType::F8_E4M3}) {
    const Expr a = tensor(dtype);
    EXPECT_EQ(narrowing_.before_widening(cast(a, DType::F32)).get(), a.get());
    EXPECT_EQ(narrowing_.before_widening(cast(cast(a, DType::F32), DType::F64)).get(), a.get());
  }
}

TEST_F(NarrowingTest, KeepsWhatMayRoundOrConvertIntegers) {
  for (const Expr& kept : {cast(tensor(DType::F32), DType::BF16), cast(tensor(DType::I32), DType::F32),
                           cast(tensor(DType::F16), DType::BF16), cast(tensor(DType::F8_E8M0), DType::F16),
                           scale(cast(tensor(DType::BF16), DType::F32), 3)}) {
    EXPECT_EQ(narrowing_.before_widening(kept).get(), kept.get());
  }
}

TEST_F(NarrowingTest, GoesThroughOperationsThatIgnoreTheWidth) {
  const Expr a = tensor(DType::BF16), wide = cast(a, DType::F32);
  const Expr size = map(operation("abs"), {wide});
  EXPECT_EQ(narrowed(size), to_string(map(operation("abs"), {a})));
  EXPECT_EQ(narrowing_.before_widening(size).get(), narrowing_.before_widening(size).get()) << "one node";
  EXPECT_EQ(narrowed(map(operation("is_nan"), {size})), to_string(map(operation("is_nan"), {map(operation("abs"), {a})})));
  const Expr of_sum = map(operation("abs"), {add(wide, wide)});
  EXPECT_EQ(narrowing_.before_widening(of_sum).get(), of_sum.get()) << "the sum is rounded to its width";
}

TEST_F(NarrowingTest, NarrowsNumbersThatAreValues) {
  const Expr a = tensor(DType::BF16), wide = cast(a, DType::F32);
  const auto number = [](float value) {
    std::vector<std::byte> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return broadcast(literal({DType::F32, {}}, std::move(bytes)), {2, 3});
  };
  const auto less_than = [](const Expr& x, const Expr& y) { return map(operation("less"), {x, y}); };
  const Expr half = number(0.5F), third = number(1 / 3.0F);
  const auto* narrow = as<nodes::Map>(narrowing_.before_widening(less_than(wide, half)));
  ASSERT_NE(narrow, nullptr);
  EXPECT_EQ(narrow->parts[0].get(), a.get());
  EXPECT_EQ(narrow->parts[1].dtype(), DType::BF16);
  const Expr kept = less_than(wide, third);
  EXPECT_EQ(narrowing_.before_widening(kept).get(), kept.get()) << "a third is no bfloat16";
}

}  // namespace
}  // namespace brainsurgery
