// Construction of reductions: shapes and dtypes of results, and what is refused with which words.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <set>

#include "brainsurgery/error.h"
#include "graph/visitor.h"
#include "support/expressions.h"

namespace brainsurgery {
namespace {

Expr leaf(DType dtype, Shape shape) { return source(nullptr, 0, {dtype, std::move(shape)}); }

Expr reduced(const char* name, const Expr& expr, std::vector<int> axes = {}, bool keepdim = false) {
  return reduce(reducer(name), {expr}, std::move(axes), keepdim);
}

TEST(ReduceNode, ShapesAndDTypes) {
  const Expr w = leaf(DType::BF16, {2, 3, 4}), whole = leaf(DType::U8, {5}), flags = leaf(DType::BOOL, {5});
  EXPECT_EQ(reduced("mean", w, {1}).desc(), (TensorDesc{DType::BF16, {2, 4}}));
  EXPECT_EQ(reduced("mean", w, {-1, 0}, true).desc(), (TensorDesc{DType::BF16, {1, 3, 1}}));
  EXPECT_EQ(reduced("sum", w).desc(), (TensorDesc{DType::BF16, {}}));
  EXPECT_EQ(reduced("sum", leaf(DType::F64, {})).desc(), (TensorDesc{DType::F64, {}}));
  EXPECT_EQ(reduced("sum", whole).dtype(), DType::I64);
  EXPECT_EQ(reduced("max", whole).dtype(), DType::U8);
  EXPECT_EQ(reduced("argmin", w).dtype(), DType::I64);
  EXPECT_EQ(reduced("any", whole).dtype(), DType::BOOL);
  EXPECT_EQ(reduced("count", flags).dtype(), DType::I64);
  const Expr row = leaf(DType::BF16, {4});
  EXPECT_EQ(reduce(reducer("dot"), {w, row}, {2}).desc(), (TensorDesc{DType::BF16, {2, 3}}));
  EXPECT_EQ(reduced("max", leaf(DType::F32, {0, 3}), {1}).desc(), (TensorDesc{DType::F32, {0}}));
}

TEST(ReduceNode, Text) {
  const auto text = [](const Expr& expr) {
    const std::string all = to_string(expr);
    return all.substr(0, all.find(" ("));
  };
  const Expr norm = reduce(reducer("norm"), {literal({DType::F32, {1}}, std::vector<std::byte>(4))}, {0}, true);
  EXPECT_EQ(text(norm), "norm p 2 dims [0] kept float32 [1]");
  EXPECT_EQ(kind_name(norm.node()), "reduce");
  EXPECT_EQ(operands(norm.node()).size(), 1U);
  EXPECT_EQ(norm.node().depth(), 2);
}

struct Refusal {
  std::function<Expr()> make;
  std::string message;
};

TEST(ReduceNode, RefusesWhatHasNoMeaning) {
  const Expr w = leaf(DType::F32, {2, 3}), whole = leaf(DType::I32, {2, 3}), complex = leaf(DType::C64, {4});
  const auto norm = [&w](double p) { return [&w, p] { return reduce(reducer("norm"), {w}, {}, false, {{p}}); }; };
  const std::vector<Refusal> refusals{
      {[&] { return reduced("mean", whole); }, "mean is not defined for dtype int32; cast to a floating dtype first"},
      {[&] { return reduced("std", whole); }, "std is not defined for dtype int32; cast to a floating dtype first"},
      {[&] { return reduced("norm", whole); }, "norm is not defined for dtype int32; cast to a floating dtype first"},
      {[&] { return reduced("count", w); }, "count is defined for bool tensors, not for float32"},
      {[&] { return reduced("max", complex); },
       "max is not defined for dtype complex64: such tensors can be renamed, copied and joined only"},
      {[&] { return reduced("sum", w, {2}); }, "dimension 2 is out of range for shape [2, 3]"},
      {[&] { return reduced("sum", w, {-3}); }, "dimension -3 is out of range for shape [2, 3]"},
      {[&] { return reduced("sum", w, {1, -1}); }, "dimension 1 is reduced twice"},
      {norm(3), "norm is defined for p = 1, 2 and inf, not for 3"},
      {[&] { return reduced("kth_largest", w); }, "kth_largest needs k"},
      {[&] { return reduce(reducer("kth_largest"), {w}, {1}, false, {{4.0}}); },
       "k of kth_largest is 4, but there are 3 elements"},
      {[&] { return reduce(reducer("kth_largest"), {w}, {1}, false, {{1.5}}); },
       "k of kth_largest is a whole number from 1 on, not 1.5"},
      {[&] { return reduce(reducer("quantile"), {w}, {}, false, {{1.5}}); },
       "q of quantile is between 0 and 1, not 1.5"},
      {[&] { return reduce(reducer("histogram"), {w}, {}, false, {{10.0, 1.0, 1.0}}); },
       "histogram needs low < high, both finite, not 1 and 1"},
      {[&] { return reduce(reducer("histogram"), {w}, {}, false, {{0.0, 1.0, 2.0}}); },
       "histogram has 1 to 65536 bins, not 0"},
      {[&] { return reduce(reducer("dot"), {w, whole}); }, "dtypes differ: float32 and int32"},
      {[&] { return reduce(reducer("dot"), {w, leaf(DType::F32, {2})}); },
       "shapes [2, 3] and [2] cannot be broadcast to one shape"},
      {[&] { return reduced("min", leaf(DType::F32, {2, 0}), {1}); },
       "min over an empty axis has no value: shape [2, 0]"},
  };
  for (const Refusal& refusal : refusals) {
    try {
      ADD_FAILURE() << to_string(refusal.make().desc().shape) << " instead of " << refusal.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::plan);
      EXPECT_EQ(error.what(), refusal.message);
    }
  }
}

TEST(Reducers, AreATableOfNames) {
  std::set<std::string_view> names;
  for (const Reducer& row : reducers()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.meaning.empty());
    EXPECT_EQ(find_reducer(row.name), &row);
    EXPECT_TRUE(row.operands == 1 || row.operands == 2);
  }
  EXPECT_EQ(find_reducer("average"), nullptr);
}

}  // namespace
}  // namespace brainsurgery
