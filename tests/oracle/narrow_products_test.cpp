// Products of few rows against ATen's, with the vector registers of each kind that this processor has.
#include "exec/dense/narrow_products.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

namespace brainsurgery::dense {
namespace {

bool has_vectors_of(int bytes) {
#if defined(__x86_64__)
  if (bytes == 64) return __builtin_cpu_supports("avx512f") != 0;
  if (bytes == 32) return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#endif
  return bytes == 16;
}

class NarrowProducts : public ::testing::TestWithParam<std::tuple<int, at::ScalarType>> {
 protected:
  void SetUp() override {
    if (!has_vectors_of(bytes())) GTEST_SKIP() << "this processor has no vector registers of " << bytes() << " bytes";
    use_vectors_of(bytes());
  }
  static int bytes() { return std::get<0>(GetParam()); }
  // Integers of which every partial sum is exact in any order, or normal values.
  at::Tensor draw(std::int64_t m, std::int64_t n, bool exact) {
    const at::ScalarType type = std::get<1>(GetParam());
    return exact ? at::randint(-8, 9, {m, n}, generator_, type) : at::randn({m, n}, generator_, type);
  }
  at::Generator generator_ = at::detail::createCPUGenerator(5);
};

TEST_P(NarrowProducts, AreExactWhereSumsAre) {
  for (const std::int64_t k : {1, 7, 16, 17, 32, 48, 49, 80}) {
    for (const std::int64_t m : {0, 1, 2, 3, 5, 8, 11, 16, 67, 1000}) {
      for (const std::int64_t n : {0, 1, 2, 15, 16, 33, 700}) {
        const at::Tensor matrix = draw(m, n, true), x = draw(k, n, true), y = draw(k, m, true);
        ASSERT_TRUE(at::equal(times_transposed(x, matrix), at::matmul(x, matrix.t()))) << k << ' ' << m << ' ' << n;
        ASSERT_TRUE(at::equal(times(y, matrix), at::matmul(y, matrix))) << k << ' ' << m << ' ' << n;
        const at::Tensor sum = draw(k, n, true), expected = at::addmm(sum, y, matrix);
        add_times(y, matrix, sum);
        ASSERT_TRUE(at::equal(sum, expected)) << k << ' ' << m << ' ' << n;
      }
    }
  }
}

// Rows longer than what is kept in the cache, and more of them.
TEST_P(NarrowProducts, AreNearWhereSumsAreRounded) {
  for (const auto& [m, n] : {std::pair{40, 100'000}, std::pair{100'000, 40}}) {
    const at::Tensor matrix = draw(m, n, false), x = draw(16, n, false), y = draw(16, m, false);
    const double unit = matrix.scalar_type() == at::kFloat ? 0x1p-24 : 0x1p-53;
    const auto error = [](const at::Tensor& found, const at::Tensor& a, const at::Tensor& b) {
      const at::Tensor exact = at::matmul(a.to(at::kDouble), b.to(at::kDouble));
      return (found - exact).abs().max().item<double>();
    };
    // The usual bound, n units times the sum of magnitudes, is never near: errors cancel.
    EXPECT_LE(error(times_transposed(x, matrix), x, matrix.t()), 30 * unit * n);
    EXPECT_LE(error(times(y, matrix), y, matrix), 30 * unit * m);
  }
}

INSTANTIATE_TEST_SUITE_P(Registers, NarrowProducts,
                         ::testing::Combine(::testing::Values(16, 32, 64), ::testing::Values(at::kFloat, at::kDouble)),
                         [](const auto& test) {
                           return (std::get<1>(test.param) == at::kFloat ? "Float" : "Double") +
                                  std::to_string(std::get<0>(test.param));
                         });

}  // namespace
}  // namespace brainsurgery::dense
