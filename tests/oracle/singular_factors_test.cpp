// Low-rank approximations against ATen's decomposition: how far their error is from the least possible one, on spectra
// and shapes of all kinds, through the executor as a plan computes them.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "base/thread_pool.h"
#include "exec/executor.h"

namespace brainsurgery {
namespace {

class SingularFactors : public ::testing::Test {
 protected:
  SingularFactors() { ::setenv("BRAINSURGERY_DENSE", BS_DENSE_MODULE, 1); }

  at::Tensor normal(std::int64_t m, std::int64_t n) { return at::randn({m, n}, generator_, at::kDouble); }
  // A matrix with these singular values, by their number.
  at::Tensor with_values(std::int64_t m, std::int64_t n, const std::function<double(double)>& value) {
    const std::int64_t k = std::min(m, n);
    const at::Tensor u = std::get<0>(at::linalg_qr(normal(m, k))), v = std::get<0>(at::linalg_qr(normal(n, k)));
    at::Tensor s = at::empty({k}, at::kDouble);
    for (std::int64_t i = 0; i < k; ++i) s.data_ptr<double>()[i] = value(static_cast<double>(i));
    return at::matmul(u * s, v.t());
  }
  static Expr expr_of(const at::Tensor& matrix, DType dtype) {
    const at::Tensor packed = matrix.to(at::kDouble).contiguous();
    std::vector<std::byte> bytes(static_cast<std::size_t>(packed.numel()) * sizeof(double));
    std::memcpy(bytes.data(), packed.data_ptr(), bytes.size());
    return cast(literal({DType::F64, {matrix.size(0), matrix.size(1)}}, std::move(bytes)), dtype);
  }
  at::Tensor value_of(const Expr& expr) {
    const std::vector<std::byte> bytes = executor_.evaluate(cast(expr, DType::F64));
    at::Tensor out = at::empty(expr.shape(), at::kDouble);
    if (!bytes.empty()) std::memcpy(out.data_ptr(), bytes.data(), bytes.size());
    return out;
  }

  // Factors rounded to `dtype`, as phlora writes them, at each rank. Beside what is promised, rounding: each entry of a
  // factor is off by half a unit in the last place, and squares of that add up to the squared error.
  void expect_near_best(const at::Tensor& wished, DType dtype, SingularMethod method,
                        const std::vector<std::int64_t>& ranks) {
    const Expr matrix = expr_of(wished, dtype);
    const at::Tensor exact = value_of(matrix);
    const at::Tensor squares = at::linalg_svdvals(exact).square();
    const double unit = dtype == DType::F64   ? 0x1p-53
                        : dtype == DType::F32 ? 0x1p-24
                        : dtype == DType::F16 ? 0x1p-11
                                              : 0x1p-8;
    for (const std::int64_t rank : ranks) {
      const LowRank factors = low_rank(matrix, rank, method);
      const std::int64_t r = std::min(rank, squares.numel());
      const double best = std::sqrt(squares.narrow(0, r, squares.numel() - r).sum().item<double>());
      const at::Tensor b = value_of(cast(factors.left, dtype)), a = value_of(cast(factors.right, dtype));
      const double error = (exact - at::matmul(b, a)).norm().item<double>();
      const double rounding = std::max(2 * unit, 0x1p-44) * std::sqrt(squares.sum().item<double>());
      EXPECT_LE(error, std::hypot(best * (1 + 1e-5), rounding)) << to_string(matrix.desc().shape) << " rank " << rank;
      const at::Tensor product = value_of(cast(matmul(factors.left, factors.right), dtype));
      EXPECT_LE((exact - product).norm().item<double>(), std::hypot(best * (1 + 1e-5), rounding));
      if (r > 1) {  // roots of the values on both sides, descending
        const at::Tensor lengths = value_of(factors.left).norm(2, {0});
        EXPECT_TRUE(
            at::allclose(lengths, value_of(factors.right).norm(2, {1}), 1e-6, 1e-9 * lengths[0].item<double>()));
        EXPECT_TRUE((lengths.narrow(0, 0, r - 1) >= lengths.narrow(0, 1, r - 1) * (1 - 1e-9)).all().item<bool>());
      }
    }
  }
  void expect_near_best(const at::Tensor& matrix, SingularMethod method, const std::vector<std::int64_t>& ranks) {
    for (const DType dtype : {DType::F32, DType::F64}) expect_near_best(matrix, dtype, method, ranks);
  }

  at::Generator generator_ = at::detail::createCPUGenerator(11);
  ThreadPool pool_{1};
  Executor executor_{pool_, {}, nullptr};
};

TEST_F(SingularFactors, SmallMatricesOfAllShapes) {
  for (const auto& [m, n] : {std::pair{1, 1}, std::pair{1, 9}, std::pair{9, 1}, std::pair{2, 2}, std::pair{30, 7},
                             std::pair{7, 30}, std::pair{40, 40}}) {
    for (const SingularMethod method : {SingularMethod::automatic, SingularMethod::krylov}) {
      expect_near_best(normal(m, n), method, {1, 2, 5, 100});
      expect_near_best(at::zeros({m, n}, at::kDouble), method, {1, 2});
      expect_near_best(at::ones({m, n}, at::kDouble), method, {1, 2});
    }
  }
}

// The iteration needs more vectors for these than for others, so that small matrices get a full decomposition.
TEST_F(SingularFactors, FlatSpectra) {
  expect_near_best(normal(1024, 1100), DType::F32, SingularMethod::automatic, {1, 3, 16});
  expect_near_best(normal(1200, 900), DType::F64, SingularMethod::krylov, {16});
  expect_near_best(with_values(300, 400, [](double) { return 1; }), SingularMethod::krylov, {1, 16});
  expect_near_best(with_values(300, 400, [](double i) { return std::pow(0.98, i); }), SingularMethod::krylov, {16});
  expect_near_best(with_values(300, 400, [](double i) { return i < 40 ? 1 : 0.5; }), SingularMethod::krylov, {16, 20});
  expect_near_best(with_values(300, 400, [](double i) { return 1 - i / 1e6; }), SingularMethod::krylov, {16, 17});
}

TEST_F(SingularFactors, SteepSpectra) {
  for (const double ratio : {0.9, 0.7, 0.5, 0.1})
    expect_near_best(with_values(300, 400, [ratio](double i) { return std::pow(ratio, i); }), SingularMethod::krylov,
                     {1, 4, 16});
  expect_near_best(with_values(400, 300, [](double i) { return 1 / (1 + i); }), SingularMethod::krylov, {1, 16, 30});
  expect_near_best(1000 * with_values(300, 400, [](double i) { return i < 3; }) + normal(300, 400),
                   SingularMethod::krylov, {1, 3, 16});
}

TEST_F(SingularFactors, DeficientAndStructured) {
  const std::int64_t m = 300, n = 400;
  expect_near_best(at::matmul(normal(m, 5), normal(5, n)), SingularMethod::krylov, {1, 5, 16});
  expect_near_best(at::ones({m, n}, at::kDouble), SingularMethod::krylov, {1, 16});
  expect_near_best(at::zeros({m, n}, at::kDouble), SingularMethod::krylov, {16});
  at::Tensor one = at::zeros({m, n}, at::kDouble);
  one[7][9] = -3;
  expect_near_best(one, SingularMethod::krylov, {1, 16});
  expect_near_best(at::eye(m, at::kDouble), SingularMethod::krylov, {1, 16});
  expect_near_best(at::diag(at::arange(1, m + 1, at::kDouble)), SingularMethod::krylov, {1, 16});
  at::Tensor heavy = normal(m, n);
  heavy.narrow(0, 0, 20).mul_(1e4);
  expect_near_best(heavy, SingularMethod::krylov, {1, 16, 32});
}

TEST_F(SingularFactors, HalfTypes) {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    expect_near_best(normal(9, 12), dtype, SingularMethod::automatic, {1, 4, 9});
    expect_near_best(with_values(300, 400, [](double i) { return std::pow(0.8, i); }), dtype, SingularMethod::krylov,
                     {1, 16});
  }
}

// Squares of these overflow, or vanish.
TEST_F(SingularFactors, ExtremeMagnitudes) {
  for (const double scale : {1e300, 1e-300, 1e-160}) {
    const at::Tensor matrix = normal(20, 30);
    const LowRank plain = low_rank(expr_of(matrix, DType::F64), 2, SingularMethod::exact);
    const LowRank scaled = low_rank(expr_of(matrix * scale, DType::F64), 2, SingularMethod::exact);
    EXPECT_TRUE(at::allclose(value_of(scaled.left) / std::sqrt(scale), value_of(plain.left), 1e-9));
    EXPECT_TRUE(at::allclose(value_of(scaled.right) / std::sqrt(scale), value_of(plain.right), 1e-9));
  }
}

// Signs are settled, so equal matrices have equal factors by any method.
TEST_F(SingularFactors, SignsAreSettled) {
  const at::Tensor matrix = with_values(300, 200, [](double i) { return std::pow(0.8, i); });
  const LowRank exact = low_rank(expr_of(matrix, DType::F64), 6, SingularMethod::exact);
  const LowRank found = low_rank(expr_of(matrix, DType::F64), 6, SingularMethod::krylov);
  EXPECT_TRUE(at::allclose(value_of(exact.left), value_of(found.left), 1e-4, 1e-6));
  EXPECT_TRUE(at::allclose(value_of(exact.right), value_of(found.right), 1e-4, 1e-6));
  const at::Tensor right = value_of(exact.right);
  EXPECT_TRUE((std::get<0>(right.max(1)) >= -std::get<0>(right.min(1))).all().item<bool>());
}

}  // namespace
}  // namespace brainsurgery
