// Small products and decompositions against their definitions.
#include "kernels/small_dense.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "brainsurgery/error.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

struct Tensor {
  TensorDesc desc;
  std::vector<std::byte> bytes;

  Tensor(DType dtype, Shape shape)
      : desc{dtype, std::move(shape)}, bytes(static_cast<std::size_t>(byte_count(desc.dtype, desc.shape))) {}
  Tensor(DType dtype, Shape shape, const std::vector<double>& values) : Tensor(dtype, std::move(shape)) {
    cast(DType::F64, values.data(), dtype, bytes.data(), std::ssize(values));
  }
  [[nodiscard]] ConstTensor view() const { return {bytes.data(), desc}; }
  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> out(static_cast<std::size_t>(element_count(desc.shape)));
    cast(desc.dtype, bytes.data(), DType::F64, out.data(), std::ssize(out));
    return out;
  }
};

std::vector<double> product(const Tensor& a, const Tensor& b, Shape shape) {
  Tensor out(a.desc.dtype, std::move(shape));
  small_product(a.view(), b.view(), out.bytes.data(), out.desc);
  return out.values();
}

std::vector<double> random_values(std::int64_t n, double low, double high) {
  static std::mt19937 engine(9);
  std::vector<double> values(static_cast<std::size_t>(n));
  for (double& value : values) value = std::uniform_real_distribution<double>(low, high)(engine);
  return values;
}

std::vector<double> small_integers(std::int64_t n) {
  std::vector<double> values = random_values(n, 0, 4);
  for (double& value : values) value = std::floor(value);
  return values;
}

TEST(SmallProduct, EqualsTheSumsOfEveryDtype) {
  const std::int64_t m = 5, k = 7, n = 19;
  for (const DType dtype :
       {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32, DType::I16, DType::I8, DType::U8}) {
    const std::vector<double> x = small_integers(m * k), y = small_integers(k * n);
    std::vector<double> expected(static_cast<std::size_t>(m * n));
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t p = 0; p < k; ++p) expected[i * n + j] += x[i * k + p] * y[p * n + j];
      }
    }
    EXPECT_EQ(product({dtype, {m, k}, x}, {dtype, {k, n}, y}, {m, n}), expected) << to_string(dtype);
  }
}

TEST(SmallProduct, IntegersWrap) {
  EXPECT_EQ(product({DType::U8, {1, 2}, {200, 100}}, {DType::U8, {2, 1}, {2, 3}}, {1, 1}),
            std::vector<double>{700 % 256});
  EXPECT_EQ(product({DType::I8, {1}, {-128}}, {DType::I8, {1}, {3}}, {}), std::vector<double>{-128});
}

// Sums that were rounded after each addition would stay at 2048 and at 2^24.
TEST(SmallProduct, RoundsOnce) {
  EXPECT_EQ(product({DType::F16, {3}, {2048, 1, 1}}, {DType::F16, {3}, {1, 1, 1}}, {}), std::vector<double>{2050});
  EXPECT_EQ(product({DType::F32, {3}, {0x1p24, 1, 1}}, {DType::F32, {3}, {1, 1, 1}}, {}),
            std::vector<double>{0x1p24 + 2});
}

TEST(SmallProduct, VectorsBatchesAndBroadcasting) {
  const Tensor matrix(DType::F32, {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(product({DType::F32, {2}, {1, 2}}, matrix, {3}), (std::vector<double>{9, 12, 15}));
  EXPECT_EQ(product(matrix, {DType::F32, {3}, {1, 0, 2}}, {2}), (std::vector<double>{7, 16}));
  EXPECT_EQ(product({DType::F32, {2, 1, 2}, {1, 0, 0, 1}}, matrix, {2, 1, 3}),
            (std::vector<double>{1, 2, 3, 4, 5, 6}));
  // [2, 1, 1, 2] @ [3, 2, 1]: every matrix of one with every one of the other.
  EXPECT_EQ(product({DType::F32, {2, 1, 1, 2}, {1, 2, 3, 4}}, {DType::F32, {3, 2, 1}, {1, 0, 0, 1, 1, 1}},
                    {2, 3, 1, 1}),
            (std::vector<double>{1, 2, 3, 3, 4, 7}));
}

TEST(SmallProduct, EmptyOperands) {
  EXPECT_EQ(product({DType::F32, {2, 0}}, {DType::F32, {0, 3}}, {2, 3}), std::vector<double>(6, 0.0));
  EXPECT_EQ(product({DType::BF16, {0, 4}}, {DType::BF16, {4, 3}}, {0, 3}), std::vector<double>{});
  EXPECT_EQ(product({DType::I32, {2, 4}}, {DType::I32, {4, 0}}, {2, 0}), std::vector<double>{});
}

TEST(SmallProduct, HasOnePatternOfNan) {
  const double strange = std::bit_cast<double>(0xFFF8000000001234);
  Tensor a(DType::F64, {1, 1}), b(DType::F64, {1, 1}, {1}), out(DType::F64, {1, 1});
  std::memcpy(a.bytes.data(), &strange, sizeof strange);
  small_product(a.view(), b.view(), out.bytes.data(), out.desc);
  std::uint64_t bits = 0;
  std::memcpy(&bits, out.bytes.data(), sizeof bits);
  EXPECT_EQ(bits, std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN()));
}

struct Factors {
  std::int64_t rows, columns, count;
  std::vector<double> values;

  [[nodiscard]] double left(std::int64_t i, std::int64_t k) const { return values[i * count + k]; }
  [[nodiscard]] double right(std::int64_t j, std::int64_t k) const { return values[(rows + j) * count + k]; }
  [[nodiscard]] double entry(std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t k = 0; k < count; ++k) sum += left(i, k) * right(j, k);
    return sum;
  }
  // Of columns k and l of one side.
  [[nodiscard]] double dot(bool of_left, std::int64_t k, std::int64_t l) const {
    double sum = 0;
    for (std::int64_t i = 0; i < (of_left ? rows : columns); ++i)
      sum += of_left ? left(i, k) * left(i, l) : right(i, k) * right(i, l);
    return sum;
  }
};

Factors factors_of(const Tensor& matrix, std::int64_t count) {
  const std::int64_t rows = matrix.desc.shape[0], columns = matrix.desc.shape[1];
  Factors factors{rows, columns, count, std::vector<double>(static_cast<std::size_t>((rows + columns) * count))};
  small_singular_factors(matrix.view(), reinterpret_cast<std::byte*>(factors.values.data()), count);
  return factors;
}

void expect_decomposed(const Tensor& matrix) {
  SCOPED_TRACE(brainsurgery::to_string(matrix.desc.shape));
  const std::int64_t rows = matrix.desc.shape[0], columns = matrix.desc.shape[1], side = std::min(rows, columns);
  const std::vector<double> wanted = matrix.values();
  double norm = 0;
  for (const double value : wanted) norm = std::hypot(norm, value);
  const Factors factors = factors_of(matrix, side);
  double error = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) error = std::hypot(error, factors.entry(i, j) - wanted[i * columns + j]);
  }
  EXPECT_LE(error, 1e-14 * norm * static_cast<double>(side));
  for (std::int64_t k = 0; k < side; ++k) {
    EXPECT_NEAR(factors.dot(true, k, k), factors.dot(false, k, k), 1e-13 * norm);
    if (k > 0) {
      EXPECT_LE(factors.dot(true, k, k), factors.dot(true, k - 1, k - 1) * (1 + 1e-12));
    }
    double peak = 0;
    for (std::int64_t j = 0; j < columns; ++j)
      if (std::abs(factors.right(j, k)) > std::abs(peak)) peak = factors.right(j, k);
    EXPECT_GE(peak, 0);
    for (std::int64_t l = 0; l < k; ++l) {
      const double lengths = std::sqrt(factors.dot(true, k, k) * factors.dot(true, l, l));
      EXPECT_LE(std::abs(factors.dot(true, k, l)), 1e-9 * lengths + 1e-13 * norm);
      EXPECT_LE(std::abs(factors.dot(false, k, l)), 1e-9 * lengths + 1e-13 * norm);
    }
  }
}

TEST(SmallFactors, DecomposeMatricesOfAllShapes) {
  for (const DType dtype : {DType::F64, DType::F32}) {
    for (const auto& [m, n] : {std::pair{1, 1}, std::pair{1, 9}, std::pair{9, 1}, std::pair{6, 4}, std::pair{4, 6},
                               std::pair{30, 30}, std::pair{70, 11}})
      expect_decomposed({dtype, {m, n}, random_values(m * n, -1, 1)});
  }
}

// Rounding errors of products over so many elements must not keep vectors turning.
TEST(SmallFactors, DecomposeLongVectors) { expect_decomposed({DType::F32, {3, 200'000}, random_values(600'000, -1, 1)}); }

TEST(SmallFactors, DecomposeDeficientMatrices) {
  expect_decomposed({DType::F64, {5, 4}});  // zeros
  expect_decomposed({DType::F64, {6, 8}, std::vector<double>(48, 1.0)});
  std::vector<double> twice = random_values(40, -1, 1);
  std::copy_n(twice.begin(), 20, twice.begin() + 20);  // rows 5 to 9 are rows 0 to 4 again
  expect_decomposed({DType::F64, {10, 4}, twice});
  expect_decomposed({DType::F64, {4, 10}, twice});
}

TEST(SmallFactors, MagnitudesWhoseSquaresOverflowOrVanish) {
  for (const double scale : {1e300, 1e-300, 1e-160}) {
    std::vector<double> values = random_values(12, 1, 4);
    for (double& value : values) value *= scale;
    const Tensor matrix(DType::F64, {3, 4}, values);
    const Factors factors = factors_of(matrix, 3);
    for (std::int64_t i = 0; i < 12; ++i)
      EXPECT_NEAR(factors.entry(i / 4, i % 4) / scale, values[static_cast<std::size_t>(i)] / scale, 1e-12);
  }
}

TEST(SmallFactors, RefuseWhatIsNotFinite) {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    try {
      static_cast<void>(factors_of({DType::F32, {2, 2}, {1, 2, 3, value}}, 1));
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(),
                   "the singular values of a matrix of shape [2, 2] cannot be found: the matrix has values that are not "
                   "finite");
    }
  }
}

}  // namespace
}  // namespace brainsurgery::kernels
