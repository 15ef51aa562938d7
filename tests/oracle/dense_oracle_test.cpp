// The dense module through its C interface, loaded as the program loads it, against sums written out.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "exec/dense/dense_abi.h"
#include "kernels/kernels.h"

namespace brainsurgery {
namespace {

struct Module {
  decltype(&bs_dense_init) init;
  decltype(&bs_dense_description) description;
  decltype(&bs_dense_matmul) matmul;
  decltype(&bs_dense_singular_factors) singular_factors;
};

const Module& module() {
  static const Module loaded = [] {
    void* handle = dlopen(BS_DENSE_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(dlerror());
    Module out{};
    out.init = reinterpret_cast<decltype(out.init)>(dlsym(handle, "bs_dense_init"));
    out.description = reinterpret_cast<decltype(out.description)>(dlsym(handle, "bs_dense_description"));
    out.matmul = reinterpret_cast<decltype(out.matmul)>(dlsym(handle, "bs_dense_matmul"));
    out.singular_factors = reinterpret_cast<decltype(out.singular_factors)>(dlsym(handle, "bs_dense_singular_factors"));
    std::array<char, 200> error{};
    if (out.init(BS_DENSE_ABI_VERSION, 1, 16, error.data(), error.size()) != 0) throw std::runtime_error(error.data());
    return out;
  }();
  return loaded;
}

struct Tensor {
  DType dtype;
  Shape shape;
  std::vector<std::uint8_t> bytes;

  Tensor(DType type, Shape sizes)
      : dtype(type), shape(std::move(sizes)), bytes(static_cast<std::size_t>(byte_count(type, shape))) {}
  Tensor(DType type, Shape sizes, const std::vector<double>& values) : Tensor(type, std::move(sizes)) {
    kernels::cast(DType::F64, values.data(), type, bytes.data(), static_cast<std::int64_t>(values.size()));
  }
  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> out(static_cast<std::size_t>(element_count(shape)));
    kernels::cast(dtype, bytes.data(), DType::F64, out.data(), static_cast<std::int64_t>(out.size()));
    return out;
  }
  [[nodiscard]] bs_dense_tensor abi() {
    return {bytes.data(), static_cast<std::int32_t>(dtype), static_cast<std::int32_t>(shape.size()), shape.data()};
  }
};

std::string matmul(Tensor& a, Tensor& b, Tensor& out) {
  std::array<char, 200> error{};
  const bs_dense_tensor x = a.abi(), y = b.abi(), z = out.abi();
  const int failed = module().matmul(&x, &y, &z, error.data(), error.size());
  EXPECT_EQ(failed != 0, error[0] != '\0');
  return error.data();
}

std::vector<double> random_integers(std::size_t n, int low, int high) {
  static std::mt19937 engine(4);
  std::vector<double> out(n);
  for (auto& x : out) x = std::uniform_int_distribution<int>(low, high)(engine);
  return out;
}

TEST(Dense, SaysWhatItIs) {
  const std::string text = module().description();
  EXPECT_EQ(text.rfind("libtorch ", 0), 0U) << text;
  EXPECT_NE(text.find(", "), std::string::npos) << text;
  std::array<char, 200> error{};
  EXPECT_EQ(module().init(99, 1, 16, error.data(), error.size()), 1);
  EXPECT_NE(std::string(error.data()).find("99"), std::string::npos);
  EXPECT_EQ(module().init(BS_DENSE_ABI_VERSION, 0, 16, error.data(), error.size()), 1);
}

// Small integers: every order of summation is exact in every dtype but the 8-bit ones, which wrap.
TEST(Dense, MatmulOfEveryDtype) {
  for (const DType dtype :
       {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32, DType::I16, DType::I8, DType::U8}) {
    const bool is_signed = dtype != DType::U8;
    const auto x = random_integers(5 * 7, is_signed ? -3 : 0, 3), y = random_integers(7 * 6, is_signed ? -3 : 0, 3);
    std::vector<double> expected(5 * 6);
    for (std::size_t i = 0; i < 5; ++i) {
      for (std::size_t j = 0; j < 6; ++j) {
        for (std::size_t k = 0; k < 7; ++k) expected[i * 6 + j] += x[i * 7 + k] * y[k * 6 + j];
      }
    }
    Tensor a(dtype, {5, 7}, x), b(dtype, {7, 6}, y), out(dtype, {5, 6});
    EXPECT_EQ(matmul(a, b, out), "") << to_string(dtype);
    EXPECT_EQ(out.values(), expected) << to_string(dtype);
  }
}

TEST(Dense, IntegersWrap) {
  Tensor a(DType::U8, {1, 2}, {200, 100}), b(DType::U8, {2, 1}, {2, 3}), out(DType::U8, {1, 1});
  EXPECT_EQ(matmul(a, b, out), "");
  EXPECT_EQ(out.values(), std::vector<double>{(400 + 300) % 256});
}

// 2048 + 1 + 1: a half sum that rounded after each addition would stay at 2048.
TEST(Dense, HalvesAreRoundedOnce) {
  Tensor a(DType::F16, {3}, {2048, 1, 1}), b(DType::F16, {3}, {1, 1, 1}), out(DType::F16, {});
  EXPECT_EQ(matmul(a, b, out), "");
  EXPECT_EQ(out.values(), std::vector<double>{2050});
}

TEST(Dense, VectorsAndBatches) {
  Tensor v(DType::F32, {2}, {1, 2}), m(DType::F32, {2, 3}, {1, 2, 3, 4, 5, 6}), row(DType::F32, {3});
  EXPECT_EQ(matmul(v, m, row), "");
  EXPECT_EQ(row.values(), (std::vector<double>{9, 12, 15}));
  Tensor batch(DType::F32, {2, 1, 2}, {1, 0, 0, 1}), out(DType::F32, {2, 1, 3});
  EXPECT_EQ(matmul(batch, m, out), "");
  EXPECT_EQ(out.values(), (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(Dense, ErrorsComeBackAsText) {
  Tensor a(DType::F32, {2, 3}), b(DType::F32, {2, 3}), out(DType::F32, {2, 3});
  EXPECT_NE(matmul(a, b, out), "");
  Tensor c(DType::F32, {3, 2}), wrong(DType::F32, {3, 3});
  EXPECT_NE(matmul(a, c, wrong), "");
  Tensor d(DType::F64, {3, 2}), fine(DType::F32, {2, 2});
  EXPECT_NE(matmul(a, d, fine), "");
  Tensor flags(DType::BOOL, {2, 2});
  EXPECT_NE(matmul(flags, flags, flags), "");
}

std::string singular_factors(Tensor& a, bool exact, Tensor& out) {
  std::array<char, 200> error{};
  const bs_dense_tensor x = a.abi(), y = out.abi();
  const int failed = module().singular_factors(&x, exact ? 1 : 0, &y, error.data(), error.size());
  EXPECT_EQ(failed != 0, error[0] != '\0');
  return error.data();
}

TEST(Dense, AllSingularFactorsMultiplyToTheMatrix) {
  for (const DType dtype : {DType::F64, DType::F32}) {
    for (const auto& [m, n] : {std::pair{6, 4}, std::pair{4, 6}, std::pair{5, 5}, std::pair{1, 1}, std::pair{1, 7}}) {
      const int k = std::min(m, n);
      const auto values = random_integers(static_cast<std::size_t>(m * n), -5, 5);
      Tensor a(dtype, {m, n}, values), out(DType::F64, {m + n, k});
      ASSERT_EQ(singular_factors(a, true, out), "");
      const auto factors = out.values();
      for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) {
          double sum = 0;
          for (int r = 0; r < k; ++r) sum += factors[i * k + r] * factors[(m + j) * k + r];
          EXPECT_NEAR(sum, values[i * n + j], 1e-12);
        }
      }
    }
  }
}

TEST(Dense, SingularFactorsOfWhatHasNone) {
  Tensor a(DType::F32, {2, 2}, {1, 2, 3, NAN}), out(DType::F64, {4, 1});
  EXPECT_EQ(singular_factors(a, true, out), "the matrix has values that are not finite");
  EXPECT_EQ(singular_factors(a, false, out), "the matrix has values that are not finite");
  Tensor whole(DType::I32, {2, 2}, {1, 2, 3, 4}), many(DType::F64, {4, 3}), none(DType::F64, {4, 0});
  EXPECT_NE(singular_factors(whole, true, out), "");
  Tensor fine(DType::F32, {2, 2}, {1, 2, 3, 4});
  EXPECT_NE(singular_factors(fine, true, many), "");
  EXPECT_NE(singular_factors(fine, true, none), "");
}

}  // namespace
}  // namespace brainsurgery
