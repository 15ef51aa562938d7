// Construction of expressions: what is refused with which words, what needs no node, and that graphs may be deep.
#include "brainsurgery/expr.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <thread>

#include "brainsurgery/error.h"
#include "graph/visitor.h"
#include "support/expressions.h"

namespace brainsurgery {
namespace {

Expr leaf(DType dtype, Shape shape) { return source(nullptr, 0, {dtype, std::move(shape)}); }

Region region_of(const Shape& shape, const char* text) { return select(parse_slice(text), shape); }

Expr part(const Expr& base, const char* text) { return slice(base, region_of(base.shape(), text)); }

struct Refusal {
  std::function<Expr()> make;
  std::string message;
};

TEST(Expr, RefusesWithBothSidesNamed) {
  const Expr f32 = leaf(DType::F32, {2, 3}), f16 = leaf(DType::F16, {2, 3}), i32 = leaf(DType::I32, {2, 3}),
             flags = leaf(DType::BOOL, {2, 3});
  const Expr complex = leaf(DType::C64, {4}), nibbles = leaf(DType::F4, {4, 2}), scalar = leaf(DType::F32, {});
  const auto uniform = nodes::Random::Distribution::uniform;
  const std::vector<Refusal> refusals{
      {[&] {
         return random({DType::I32, {2}}, uniform, 0, 1, 1);
       },
       "random values need a floating dtype, not int32"},
      {[&] { return part(nibbles, "[0]"); },
       "a slice is not defined for dtype float4_e2m1fn_x2, whose elements are not whole bytes"},
      {[&] {
         return overwrite(nibbles, region_of({4, 2}, "[:2]"), leaf(DType::F4, {2, 2}));
       },
       "writing to a part is not defined for dtype float4_e2m1fn_x2, whose elements are not whole bytes"},
      {[&] {
         return permute(nibbles, {1, 0});
       },
       "permute is not defined for dtype float4_e2m1fn_x2, whose elements are not whole bytes"},
      {[&] {
         return broadcast(nibbles, {2, 4, 2});
       },
       "broadcasting is not defined for dtype float4_e2m1fn_x2, whose elements are not whole bytes"},
      {[&] {
         return concat({nibbles, nibbles}, 1);
       },
       "concat along a dimension other than 0 is not defined for dtype float4_e2m1fn_x2, whose elements are not whole "
       "bytes"},
      {[&] {
         return permute(f32, {0, 0});
       },
       "order [0, 0] is not a permutation of the 2 dimensions of shape [2, 3]"},
      {[&] {
         return permute(f32, {0, 2});
       },
       "order [0, 2] is not a permutation of the 2 dimensions of shape [2, 3]"},
      {[&] {
         return permute(f32, {0, -1});
       },
       "order [0, -1] is not a permutation of the 2 dimensions of shape [2, 3]"},
      {[&] { return permute(f32, {0}); }, "order [0] has 1 axes, the tensor of shape [2, 3] has 2 dimensions"},
      {[&] {
         return reshape(f32, {4, -1});
       },
       "cannot infer -1 in shape [4, -1]: 6 elements of shape [2, 3] do not divide by 4"},
      {[&] {
         return reshape(f32, {0, -1});
       },
       "cannot infer -1 in shape [0, -1]: 6 elements of shape [2, 3] do not divide by 0"},
      {[&] { return reshape(f32, {7}); }, "shape [7] has 7 elements, the tensor of shape [2, 3] has 6"},
      {[&] {
         return broadcast(f32, {3, 3});
       },
       "shape [2, 3] cannot be broadcast to shape [3, 3]"},
      {[&] { return broadcast(f32, {3}); }, "shape [2, 3] cannot be broadcast to shape [3]"},
      {[&] { return cast(complex, DType::F32); },
       "cast is not defined for dtype complex64: such tensors can be renamed, copied and joined only"},
      {[&] { return scale(complex, 2); },
       "scale is not defined for dtype complex64: such tensors can be renamed, copied and joined only"},
      {[&] { return scale(flags, 2); }, "a bool tensor cannot be scaled; cast it first"},
      {[&] { return scale(i32, 0.5); },
       "an int32 tensor can be scaled by an integral factor only, not 0.5; cast it to a floating dtype first"},
      {[&] { return scale(i32, 0x1p63); },
       "an int32 tensor can be scaled by an integral factor only, not 9.223372036854776e+18; cast it to a floating "
       "dtype first"},
      {[&] { return clamp(f32, 2, 1); }, "min 2 exceeds max 1"},
      {[&] { return clamp(flags, 0, 1); }, "a bool tensor cannot be clamped; cast it first"},
      {[&] { return clamp(i32, 0.25, 0.75); }, "no int32 value lies between min 0.25 and max 0.75"},
      {[&] { return add(f32, part(f32, "[:, :2]")); }, "shapes [2, 3] and [2, 2] cannot be broadcast to one shape"},
      {[&] { return add(f32, f16); }, "dtypes differ: float32 and float16"},
      {[&] { return subtract(flags, flags); }, "subtraction is not defined for bool tensors"},
      {[&] { return add(complex, complex); },
       "add is not defined for dtype complex64: such tensors can be renamed, copied and joined only"},
      {[&] {
         return concat({f32, f16}, 0);
       },
       "source 1 has dtype float16, source 0 has float32"},
      {[&] {
         return concat({f32, leaf(DType::F32, {2})}, 0);
       },
       "source 1 has shape [2], source 0 has [2, 3]: ranks differ"},
      {[&] {
         return concat({f32, f32, leaf(DType::F32, {2, 4})}, 0);
       },
       "source 2 has shape [2, 4], source 0 has [2, 3]: sizes differ outside dimension 0"},
      {[&] { return matmul(f32, f16); }, "dtypes differ: float32 and float16"},
      {[&] { return matmul(flags, flags); }, "matmul is not defined for dtype bool; cast first"},
      {[&] { return matmul(f32, scalar); }, "matmul needs operands of at least one dimension"},
      {[&] { return matmul(f32, f32); }, "shapes [2, 3] and [2, 3] do not fit for matmul"},
      {[&] { return low_rank(i32, 1, SingularMethod::exact).left; },
       "singular values are not defined for dtype int32; cast to a floating dtype of at least 16 bits first"},
      {[&] {
         return low_rank(leaf(DType::F8_E4M3, {2, 3}), 1, SingularMethod::exact).left;
       },
       "singular values are not defined for dtype float8_e4m3fn; cast to a floating dtype of at least 16 bits first"},
      {[&] { return low_rank(scalar, 1, SingularMethod::exact).left; },
       "only a matrix has a rank: 2 dimensions are needed, shape [] has 0"},
      {[&] {
         return low_rank(leaf(DType::F32, {0, 3}), 1, SingularMethod::exact).left;
       },
       "a matrix without elements has no rank: shape [0, 3]"},
      {[&] {
         return matmul(leaf(DType::F32, {2, 4, 3}), leaf(DType::F32, {5, 3, 4}));
       },
       "shapes [2, 4, 3] and [5, 3, 4] do not fit for matmul"},
  };
  for (const Refusal& refusal : refusals) {
    try {
      static_cast<void>(refusal.make());
      ADD_FAILURE() << "not refused: " << refusal.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::plan) << refusal.message;
      EXPECT_EQ(std::string(error.what()), refusal.message);
    }
  }
}

TEST(Expr, RefusesWhatNoFileCouldHold) {
  Expr big = leaf(DType::F64, {std::int64_t{1} << 59});
  EXPECT_THROW(static_cast<void>(concat({big, big, big, big}, 0)), Error);
  EXPECT_THROW(static_cast<void>(
                   matmul(leaf(DType::F32, {std::int64_t{1} << 32, 0}), leaf(DType::F32, {0, std::int64_t{1} << 32}))),
               Error);
}

TEST(Expr, NeedsNoNodeForWhatChangesNothing) {
  const Expr base = leaf(DType::F32, {2, 3});
  EXPECT_EQ(part(base, "[:]"), base);
  EXPECT_EQ(part(base, "[0:2, -3:]"), base);
  const Expr row = part(base, "[0:1]");
  EXPECT_EQ(part(row, "[::7]"), row) << "a step over one element";
  EXPECT_EQ(permute(base, {0, 1}), base);
  EXPECT_EQ(permute(leaf(DType::F4, {4}), {0}).dtype(), DType::F4);
  EXPECT_EQ(reshape(base, {2, -1}), base);
  EXPECT_EQ(broadcast(base, {2, 3}), base);
  EXPECT_EQ(cast(base, DType::F32), base);
  EXPECT_EQ(concat({base}, 1), base);
  const Expr value = leaf(DType::F32, {2, 3});
  EXPECT_EQ(overwrite(base, region_of({2, 3}, "[...]"), value), value);
  EXPECT_EQ(overwrite(base, region_of({2, 3}, "[1:1]"), leaf(DType::F32, {0, 3})), base);
}

TEST(Expr, KnowsItsShapeAndDtype) {
  const Expr base = leaf(DType::BF16, {4, 6});
  EXPECT_EQ(part(base, "[1, ::2]").desc(), (TensorDesc{DType::BF16, {3}}));
  EXPECT_EQ(part(base, "[3:1]").shape(), Shape({0, 6}));
  EXPECT_EQ(permute(leaf(DType::F32, {2, 3, 4}), {2, 0, 1}).shape(), Shape({4, 2, 3}));
  EXPECT_EQ(reshape(base, {2, -1, 3}).shape(), Shape({2, 4, 3}));
  EXPECT_EQ(reshape(leaf(DType::F32, {}), {1, 1}).shape(), Shape({1, 1}));
  EXPECT_EQ(broadcast(leaf(DType::F32, {3, 1}), {2, 3, 5}).shape(), Shape({2, 3, 5}));
  EXPECT_EQ(cast(base, DType::I8).desc(), (TensorDesc{DType::I8, {4, 6}}));
  EXPECT_EQ(concat({base, base, part(base, "[:, :1]")}, 1).shape(), Shape({4, 13}));
  EXPECT_EQ(overwrite(base, region_of({4, 6}, "[0]"), leaf(DType::BF16, {6})).desc(), base.desc());
  struct Product {
    Shape a, b, result;
  };
  for (const Product& product : std::vector<Product>{{{3}, {3}, {}},
                                                     {{2, 3}, {3}, {2}},
                                                     {{3}, {3, 4}, {4}},
                                                     {{2, 3}, {3, 4}, {2, 4}},
                                                     {{5, 1, 2, 3}, {7, 3, 4}, {5, 7, 2, 4}},
                                                     {{5, 2, 3}, {3}, {5, 2}},
                                                     {{2, 0}, {0, 3}, {2, 3}}}) {
    EXPECT_EQ(matmul(leaf(DType::F32, product.a), leaf(DType::F32, product.b)).shape(), product.result);
  }
}

TEST(Expr, ListsOperandsInOrder) {
  const Expr a = leaf(DType::F32, {2}), b = leaf(DType::F32, {2});
  EXPECT_EQ(operands(a.node()), std::vector<Expr>{});
  EXPECT_EQ(operands(add(a, b).node()), (std::vector{a, b}));
  EXPECT_EQ(operands(concat({b, a, b}, 0).node()), (std::vector{b, a, b}));
  EXPECT_EQ(operands(overwrite(a, region_of({2}, "[:1]"), part(b, "[:1]")).node()).front(), a);
  EXPECT_EQ(operands(matmul(a, b).node()), (std::vector{a, b}));
  EXPECT_EQ(a.node().depth(), 1);
  EXPECT_EQ(concat({scale(scale(a, 2), 2), b}, 0).node().depth(), 4);
}

TEST(Expr, LongChainsAndWideOnesAreDestroyedWithoutRecursion) {
  Expr chain = leaf(DType::F32, {2});
  for (int i = 0; i < 300'000; ++i) {
    chain = i % 2 == 0 ? scale(chain, 2) : overwrite(chain, region_of({2}, "[0]"), part(chain, "[1]"));
  }
  const Expr shared = chain;
  chain = Expr();
  EXPECT_EQ(shared.node().desc().shape, Shape({2})) << "still owned";
}

TEST(Expr, HandlesMayBeDroppedByManyThreads) {
  for (int round = 0; round < 20; ++round) {
    Expr chain = leaf(DType::F32, {2});
    for (int i = 0; i < 3000; ++i) chain = add(chain, scale(chain, 2));
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([mine = chain]() mutable {
        while (mine.node().depth() > 1) mine = operands(mine.node()).front();
      });
    }
    chain = Expr();
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(Expr, AsText) {
  const Expr values = literal({DType::F32, {4, 2}}, std::vector<std::byte>(32));
  EXPECT_EQ(to_string(values), "literal float32 [4, 2]");
  EXPECT_EQ(to_string(part(values, "[1, ::2]")), "slice [1, 0+1] float32 [1] (literal float32 [4, 2])");
  EXPECT_EQ(to_string(scale(permute(values, {1, 0}), 0.5)),
            "scale by 0.5 float32 [2, 4] (permute [1, 0] float32 [2, 4] (literal float32 [4, 2]))");
  EXPECT_EQ(to_string(clamp(values, -1, std::nullopt)), "clamp min -1 float32 [4, 2] (literal float32 [4, 2])");
  EXPECT_EQ(to_string(subtract(values, values)),
            "subtract float32 [4, 2] (literal float32 [4, 2], literal float32 [4, 2])");
  EXPECT_EQ(to_string(random({DType::F64, {3}}, nodes::Random::Distribution::uniform, 0, 2, 7)),
            "random seed 7 (0, 2) float64 [3]");
  EXPECT_EQ(to_string(random({DType::F64, {3}}, nodes::Random::Distribution::normal, 0, 2, CounterSeed{7, 8})),
            "random seed 7 key 8 (0, 2) float64 [3]");
}

TEST(Expr, TextOfLargeGraphsIsCut) {
  Expr chain = literal({DType::F32, {2}}, std::vector<std::byte>(8));
  for (int i = 0; i < 18; ++i) chain = add(chain, chain);
  EXPECT_LT(to_string(chain).size(), 50'000U) << "2^18 ways lead through 18 nodes";
  for (int i = 0; i < 1000; ++i) chain = scale(chain, 2);
  EXPECT_NE(to_string(chain).find("..."), std::string::npos);
}

const nodes::SingularFactors& factors_below(const Expr& left) {
  Expr at = left;
  while (as<nodes::SingularFactors>(at) == nullptr) at = operands(at.node()).front();
  return *as<nodes::SingularFactors>(at);
}

TEST(Expr, LowRankFactorsAreInDoubleAndOfOneNode) {
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
    const LowRank factors = low_rank(leaf(dtype, {40, 30}), 7, SingularMethod::automatic);
    EXPECT_EQ(factors.left.desc(), (TensorDesc{DType::F64, {40, 7}}));
    EXPECT_EQ(factors.right.desc(), (TensorDesc{DType::F64, {7, 30}}));
    EXPECT_EQ(&factors_below(factors.left), &factors_below(factors.right));
  }
  EXPECT_EQ(low_rank(leaf(DType::F32, {4, 3}), 900, SingularMethod::exact).right.shape(), (Shape{3, 3}));
  EXPECT_EQ(low_rank(leaf(DType::F32, {1, 5}), 1, SingularMethod::krylov).left.shape(), (Shape{1, 1}));
}

TEST(Expr, LowRankIteratesWhereFewValuesOfManyAreWanted) {
  const Expr large = leaf(DType::F32, {4096, 14336});
  EXPECT_FALSE(factors_below(low_rank(large, 1, SingularMethod::automatic).left).exact);
  EXPECT_FALSE(factors_below(low_rank(large, 64, SingularMethod::automatic).left).exact);
  EXPECT_TRUE(factors_below(low_rank(large, 65, SingularMethod::automatic).left).exact);
  EXPECT_TRUE(factors_below(low_rank(large, 1, SingularMethod::exact).left).exact);
  const Expr small = leaf(DType::F32, {14336, 1023});
  EXPECT_TRUE(factors_below(low_rank(small, 1, SingularMethod::automatic).left).exact);
  EXPECT_FALSE(factors_below(low_rank(small, 1, SingularMethod::krylov).left).exact);
  EXPECT_EQ(factors_below(low_rank(large, 1, SingularMethod::automatic).left).count, 16);
  EXPECT_EQ(factors_below(low_rank(large, 17, SingularMethod::automatic).left).count, 32);
}

}  // namespace
}  // namespace brainsurgery
