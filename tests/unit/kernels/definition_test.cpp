// The loops against their definitions, element by element. CTest runs the tests of the kernels once for every
// instruction set that the loops are compiled for, which the environment variable chooses.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "kernels/element.h"
#include "kernels/elementwise.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// Less than a vector, whole vectors, and whole blocks, each with a rest.
constexpr std::array<std::int64_t, 9> kCounts{1, 2, 7, 16, 33, 64, 127, 1000, 4099};

template <typename T>
using Values = std::vector<T>;

// Every pattern of bits is as likely, so the half types get all their NaNs, zeros and subnormals.
template <typename T>
Values<T> random_values(std::int64_t n, unsigned seed) {
  std::mt19937_64 engine(seed);
  Values<T> values(static_cast<std::size_t>(n));
  for (T& value : values) {
    const std::uint64_t bits = engine();
    std::memcpy(&value, &bits, sizeof value);
  }
  return values;
}

template <typename T>
std::vector<std::uint8_t> bytes(const Values<T>& values) {
  std::vector<std::uint8_t> out(values.size() * sizeof(T));
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

// The value of an operation on integers is that modulo 2^64, cut off.
template <typename C>
C operated(BinaryOp op, C a, C b) {
  if constexpr (std::same_as<C, bool>) {
    return op == BinaryOp::multiply ? a && b : a || b;
  } else if constexpr (std::integral<C>) {
    const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
    return static_cast<C>(op == BinaryOp::add ? x + y : op == BinaryOp::subtract ? x - y : x * y);
  } else {
    return op == BinaryOp::add ? a + b : op == BinaryOp::subtract ? a - b : a * b;
  }
}

Values<std::uint16_t> all_halves() {
  Values<std::uint16_t> all(65536);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  return all;
}

template <typename Codec>
struct Definition {
  using T = typename Codec::Storage;
  using C = typename Codec::Compute;
  DType dtype;

  static C decoded(T stored) { return Codec::decode(stored); }
  static T encoded(C value) { return Codec::encode(value); }

  void check_arithmetic(std::int64_t n) const {
    const auto a = random_values<T>(n, 1), b = random_values<T>(n, 2);
    Values<T> out(a.size()), expected(a.size());
    for (const BinaryOp op : {BinaryOp::add, BinaryOp::subtract, BinaryOp::multiply}) {
      if (!supports(op, dtype)) continue;
      for (std::size_t i = 0; i < a.size(); ++i) {
        expected[i] = Codec::encode(operated(op, Codec::decode(a[i]), Codec::decode(b[i])));
      }
      binary(op, dtype, a.data(), b.data(), out.data(), n);
      EXPECT_EQ(bytes(out), bytes(expected)) << to_string(dtype) << " operation " << static_cast<int>(op);
    }
    if (dtype == DType::BOOL) return;
    for (std::size_t i = 0; i < a.size(); ++i) {
      expected[i] = Codec::encode(operated(BinaryOp::multiply, Codec::decode(a[i]), static_cast<C>(3)));
    }
    out = a;
    scale(dtype, out.data(), 3, out.data(), n);
    EXPECT_EQ(bytes(out), bytes(expected)) << to_string(dtype);
  }

  void check_clamp(const Values<T>& in, std::optional<double> low, std::optional<double> high) const {
    Values<T> out(in.size()), expected(in);
    const auto n = static_cast<std::int64_t>(in.size());
    T lower{}, upper{};
    if (low) cast(DType::F64, &*low, dtype, &lower, 1);
    if (high) cast(DType::F64, &*high, dtype, &upper, 1);
    for (T& value : expected) {
      if (low && Codec::decode(value) < Codec::decode(lower)) value = lower;
      if (high && Codec::decode(upper) < Codec::decode(value)) value = upper;
    }
    clamp(dtype, in.data(), {low, high}, out.data(), n);
    EXPECT_EQ(bytes(out), bytes(expected))
        << to_string(dtype) << " from " << low.value_or(kNan) << " to " << high.value_or(kNan);
  }

  void check_distance(std::int64_t n) const {
    const auto a = random_values<T>(n, 3), b = random_values<T>(n, 4);
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const C x = Codec::decode(a[i]), y = Codec::decode(b[i]);
      const double found = x == y ? 0 : std::fabs(static_cast<double>(x) - static_cast<double>(y));
      largest = found > largest || found != found ? found : largest;
      if (largest != largest) break;
    }
    const double found = largest_distance(dtype, a.data(), b.data(), n);
    EXPECT_TRUE(found == largest || (found != found && largest != largest)) << to_string(dtype);
  }

  void check_casts(std::int64_t n) const {
    const auto floats = random_values<float>(n, 6);
    const auto codes = random_values<T>(n, 7);
    Values<T> narrowed(codes.size()), expected_codes(codes.size());
    Values<float> widened(floats.size()), expected_floats(floats.size());
    for (std::size_t i = 0; i < floats.size(); ++i) {
      expected_codes[i] = Codec::encode(floats[i]);
      expected_floats[i] = NativeCodec<float>::encode(Codec::decode(codes[i]));
    }
    cast(DType::F32, floats.data(), dtype, narrowed.data(), n);
    cast(dtype, codes.data(), DType::F32, widened.data(), n);
    EXPECT_EQ(bytes(narrowed), bytes(expected_codes)) << to_string(dtype);
    EXPECT_EQ(bytes(widened), bytes(expected_floats)) << to_string(dtype);
  }

  // One element among equal ones, at the end of what a vector holds and in the rest.
  void check_equal(T x, T y) const {
    const bool expected = Codec::decode(x) == Codec::decode(y);
    for (const std::size_t place : {31U, 36U}) {
      Values<T> a(37, Codec::encode(C{1})), b = a;
      a[place] = x;
      b[place] = y;
      EXPECT_EQ(all_equal(dtype, a.data(), b.data(), 37), expected) << to_string(dtype) << " " << place;
    }
  }

  // `function` of every half, by itself or beside `b`; `of` of their values.
  template <typename Function, typename Of>
  void check_of_halves(Function function, const Values<T>& b, DType result, const Of& of) const {
    const Values<T> a = all_halves();
    const bool is_test = result == DType::BOOL;
    Values<T> numbers(a.size());
    Values<std::uint8_t> truths(a.size());
    const std::array<const void*, 2> operands{a.data(), b.data()};
    const std::array<DType, 2> dtypes{dtype, dtype};
    const std::size_t count = b.empty() ? 1 : 2;
    void* const out = is_test ? static_cast<void*>(truths.data()) : numbers.data();
    function({std::span(operands).first(count), std::span(dtypes).first(count), {}, result, out, std::ssize(a)});
    for (std::size_t i = 0; i < a.size(); ++i) {
      const C x = Codec::decode(a[i]), y = b.empty() ? C{} : Codec::decode(b[i]);
      if (is_test) ASSERT_EQ(truths[i], of(x, y) != 0 ? 1 : 0) << to_string(dtype) << " " << x << " and " << y;
      else ASSERT_EQ(numbers[i], Codec::encode(of(x, y))) << to_string(dtype) << " " << x;
    }
  }

  void check_zero(T x) const {
    Values<T> a(37, Codec::encode(C{1}));
    a[36] = x;
    EXPECT_EQ(count_zeros(dtype, a.data(), 37), Codec::decode(x) == 0 ? 1 : 0) << to_string(dtype);
  }
};

template <typename Visitor>
void for_each_codec(const Visitor& visitor) {
  for (const DTypeInfo& row : all_dtypes()) {
    if (!has_codec(row.dtype)) continue;
    visit_codec(row.dtype, [&](auto codec) { visitor(Definition<decltype(codec)>{row.dtype}); });
  }
}

template <typename Visitor>
void for_each_half(const Visitor& visitor) {
  visitor(Definition<F16Codec>{DType::F16});
  visitor(Definition<Bf16Codec>{DType::BF16});
}

TEST(Definition, NoWiderInstructionsThanAskedFor) {
  const char* name = std::getenv("BRAINSURGERY_CPU_CAPABILITY");
  if (name == nullptr) GTEST_SKIP() << "the widest: " << to_string(instruction_set());
  for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512}) {
    if (to_string(set) != name) continue;
    EXPECT_LE(instruction_set(), set);
  }
}

TEST(Definition, Arithmetic) {
  for_each_codec([](auto definition) {
    for (const std::int64_t n : kCounts) definition.check_arithmetic(n);
  });
}

TEST(Definition, Clamp) {
  for_each_codec([](auto definition) {
    using T = typename decltype(definition)::T;
    for (const std::int64_t n : kCounts) definition.check_clamp(random_values<T>(n, 5), 0, 1);
  });
}

TEST(Definition, ClampOfEveryHalf) {
  const std::array<std::optional<double>, 9> limits{std::nullopt, 0.0, -0.0, -0.5, 0.75, kInf, -kInf, 1e5, 0x1p-24};
  for_each_half([&](auto definition) {
    for (const auto& low : limits) {
      for (const auto& high : limits) definition.check_clamp(all_halves(), low, high);
    }
  });
}

TEST(Definition, Distance) {
  for_each_codec([](auto definition) {
    if (definition.dtype == DType::I64 || definition.dtype == DType::U64) return;  // exact beyond double
    for (const std::int64_t n : kCounts) definition.check_distance(n);
  });
}

TEST(Definition, TestsOfEveryHalf) {
  for_each_half([](auto definition) {
    definition.check_of_halves(elementwise::abs, {}, definition.dtype, [](float x, float) { return std::fabs(x); });
    definition.check_of_halves(elementwise::is_nan, {}, DType::BOOL, [](float x, float) { return std::isnan(x); });
    definition.check_of_halves(elementwise::is_finite, {}, DType::BOOL,
                               [](float x, float) { return std::isfinite(x); });
  });
}

TEST(Definition, ComparisonsOfEveryHalf) {
  for_each_half([](auto definition) {
    const auto check = [&](const Values<std::uint16_t>& b) {
      definition.check_of_halves(elementwise::equal, b, DType::BOOL, [](float x, float y) { return x == y; });
      definition.check_of_halves(elementwise::less, b, DType::BOOL, [](float x, float y) { return x < y; });
      definition.check_of_halves(elementwise::less_equal, b, DType::BOOL, [](float x, float y) { return x <= y; });
    };
    for (const float value : {0.0F, -0.0F, 1.0F, -2.5F, 1e-7F, float(kInf), float(-kInf), float(kNan)})
      check(Values<std::uint16_t>(65536, decltype(definition)::encoded(value)));
    for (const int difference : {0, 1, 0x8000}) {
      Values<std::uint16_t> b = all_halves();
      for (std::uint16_t& code : b) code = static_cast<std::uint16_t>(code ^ difference);
      check(b);
    }
  });
}

TEST(Definition, EqualOfEveryHalf) {
  for_each_half([](auto definition) {
    for (const std::uint16_t x : all_halves()) {
      for (const int difference : {0, 1, 0x8000}) {
        definition.check_equal(x, static_cast<std::uint16_t>(x ^ difference));
      }
    }
  });
}

TEST(Definition, ZeroOfEveryHalf) {
  for_each_half([](auto definition) {
    for (const std::uint16_t x : all_halves()) {
      definition.check_zero(x);
    }
  });
}

// Float to every type that is computed in float, and back.
TEST(Definition, CastsOfSmallFloats) {
  for_each_codec([](auto definition) {
    if constexpr (std::same_as<typename decltype(definition)::C, float>) {
      if (definition.dtype == DType::F32) return;
      for (const std::int64_t n : kCounts) definition.check_casts(n);
    }
  });
}

}  // namespace
}  // namespace brainsurgery::kernels
