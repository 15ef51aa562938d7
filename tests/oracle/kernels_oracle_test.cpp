// The elementwise kernels against ATen: bit for bit where the result is not NaN, over every dtype that this libtorch
// has.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/version.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

#define BS_TORCH_HAS_NEW_DTYPES (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 7))

namespace brainsurgery::kernels {
namespace {

struct Pair {
  DType ours;
  at::ScalarType theirs;
};

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all {
    {DType::BOOL, at::kBool}, {DType::U8, at::kByte}, {DType::I8, at::kChar}, {DType::I16, at::kShort},
        {DType::I32, at::kInt}, {DType::I64, at::kLong}, {DType::F16, at::kHalf}, {DType::BF16, at::kBFloat16},
        {DType::F32, at::kFloat}, {DType::F64, at::kDouble},
#if BS_TORCH_HAS_NEW_DTYPES
        {DType::U16, at::kUInt16}, {DType::U32, at::kUInt32}, {DType::U64, at::kUInt64},
        {DType::F8_E4M3, at::kFloat8_e4m3fn}, {DType::F8_E5M2, at::kFloat8_e5m2},
        {DType::F8_E4M3FNUZ, at::kFloat8_e4m3fnuz}, {DType::F8_E5M2FNUZ, at::kFloat8_e5m2fnuz},
        {DType::F8_E8M0, at::kFloat8_e8m0fnu},
#endif
  };
  return all;
}

bool is_half(DType dtype) { return dtype == DType::F16 || dtype == DType::BF16; }
bool is_eight_bit_float(DType dtype) { return is_floating(dtype) && item_size(dtype) == 1; }
bool is_wide_unsigned(DType dtype) { return dtype == DType::U16 || dtype == DType::U32 || dtype == DType::U64; }

// A packed tensor's bytes.
struct Values {
  DType dtype;
  std::vector<std::uint8_t> bytes;

  Values(DType type, std::int64_t n) : dtype(type), bytes(static_cast<std::size_t>(n * item_size(type))) {}
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(bytes.size()) / item_size(dtype); }
  [[nodiscard]] at::ScalarType torch_type() const {
    for (const Pair& pair : pairs()) {
      if (pair.ours == dtype) return pair.theirs;
    }
    throw std::logic_error("no such dtype in libtorch");
  }
  // A copy.
  [[nodiscard]] at::Tensor tensor() const {
    at::Tensor out = at::empty({count()}, torch_type());
    if (!bytes.empty()) std::memcpy(out.data_ptr(), bytes.data(), bytes.size());
    return out;
  }
};

const std::vector<double>& special_doubles() {
  static const std::vector<double> values = [] {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    std::vector<double> out{0,
                            0.5,
                            1,
                            1.5,
                            2.5,
                            1e-45,
                            1e-40,
                            0x1p-126,
                            0x1p-24,
                            0x1p-25,
                            127,
                            128,
                            255,
                            255.9,
                            256,
                            300,
                            448,
                            464,
                            480,
                            32767,
                            32768,
                            57344,
                            61440,
                            65504,
                            65519,
                            65520,
                            65535,
                            65536,
                            70000,
                            0x1p31,
                            0x1p31 - 1,
                            0x1p31 - 0.5,
                            0x1p32,
                            0x1p33 + 512,
                            1e10,
                            0x1p63,
                            0x1p63 - 1024,
                            0x1p64,
                            1e19,
                            1e30,
                            3.4028234663852886e38,
                            3.4028235677973366e38,
                            1e39,
                            1e300,
                            5e-324,
                            kInf,
                            std::numeric_limits<double>::quiet_NaN(),
                            1 + 0x1p-11 + 0x1p-30,
                            1 + 0x1p-8 + 0x1p-40};
    const std::size_t count = out.size();
    for (std::size_t i = 0; i < count; ++i) out.push_back(-out[i]);
    return out;
  }();
  return values;
}

// Every pattern of the types up to 16 bits; else special values, random bits and ordinary numbers.
Values samples(DType dtype, unsigned seed) {
  std::mt19937_64 engine(seed);
  if (dtype == DType::BOOL) {
    Values out(dtype, 101);
    for (auto& byte : out.bytes) byte = engine() % 2;
    return out;
  }
  if (item_size(dtype) <= 2) {
    const std::int64_t patterns = item_size(dtype) == 1 ? 256 : 65536;
    Values out(dtype, patterns);
    for (std::int64_t i = 0; i < patterns; ++i) {
      // In another order for every seed: an odd multiplier permutes.
      const auto code = static_cast<std::uint16_t>(static_cast<std::uint64_t>(i) * (2 * seed + 1) + seed * 77);
      std::memcpy(&out.bytes[static_cast<std::size_t>(i * item_size(dtype))], &code,
                  static_cast<std::size_t>(item_size(dtype)));
    }
    return out;
  }
  std::vector<double> numbers = special_doubles();
  if (seed % 2 == 1) std::shuffle(numbers.begin(), numbers.end(), engine);
  std::normal_distribution<double> normal(0, 100);
  for (int i = 0; i < 2000; ++i) numbers.push_back(normal(engine));
  const auto count = static_cast<std::int64_t>(numbers.size());
  Values out(dtype, count + 4003);
  for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(engine());
  cast(DType::F64, numbers.data(), dtype, out.bytes.data(), count);
  return out;
}

void expect_same(const Values& ours, const at::Tensor& theirs, const std::string& what) {
  ASSERT_EQ(ours.torch_type(), theirs.scalar_type()) << what;
  ASSERT_EQ(ours.count(), theirs.numel()) << what;
  const at::Tensor packed = theirs.contiguous();
  const auto item = static_cast<std::size_t>(item_size(ours.dtype));
  const auto* bytes = static_cast<const std::uint8_t*>(packed.data_ptr());
  if (std::memcmp(ours.bytes.data(), bytes, ours.bytes.size()) == 0) return;
  const bool floating = is_floating(ours.dtype);
  const at::Tensor ours_wide = floating ? ours.tensor().to(at::kDouble) : at::Tensor();
  const at::Tensor theirs_wide = floating ? packed.to(at::kDouble) : at::Tensor();
  int shown = 0;
  for (std::int64_t i = 0; i < ours.count() && shown < 5; ++i) {
    const auto at = static_cast<std::size_t>(i) * item;
    if (std::memcmp(&ours.bytes[at], bytes + at, item) == 0) continue;
    if (floating && std::isnan(ours_wide.data_ptr<double>()[i]) && std::isnan(theirs_wide.data_ptr<double>()[i]))
      continue;
    std::uint64_t a = 0, b = 0;
    std::memcpy(&a, &ours.bytes[at], item);
    std::memcpy(&b, bytes + at, item);
    ++shown;
    ADD_FAILURE() << what << ", element " << i << ": ours " << std::hex << a << ", theirs " << b;
  }
}

// Counts around vector widths, and all.
std::vector<std::int64_t> counts(std::int64_t all) {
  return {1, 3, 8, 15, 33, 67, std::min<std::int64_t>(all, 1001), all};
}

Values first(const Values& values, std::int64_t n) {
  Values out(values.dtype, std::min(n, values.count()));
  std::memcpy(out.bytes.data(), values.bytes.data(), out.bytes.size());
  return out;
}

// Where libtorch itself gives two answers, depending on where in a vector the element falls (docs/arithmetic.md).
bool torch_is_of_two_minds(DType from, DType to) { return is_floating(from) && to == DType::U32; }

// Where the compiler has folded libtorch's decoding of NaN into the undefined conversion to an integer.
bool torch_folds_nan(DType from, DType to) {
  return is_integer(to) && (from == DType::F8_E4M3FNUZ || from == DType::F8_E5M2FNUZ || from == DType::F8_E8M0);
}

// Leaves the numbers from `low` to below `high`; the rest becomes 1.
void keep_range(Values& values, double low, double high) {
  std::array<std::byte, 8> one{};  // of any dtype
  const double value = 1;
  cast(DType::F64, &value, values.dtype, one.data(), 1);
  for (std::int64_t i = 0; i < values.count(); ++i) {
    const auto at = static_cast<std::size_t>(i * item_size(values.dtype));
    double number = 0;
    cast(values.dtype, &values.bytes[at], DType::F64, &number, 1);
    if (!(number >= low && number < high)) {
      std::memcpy(&values.bytes[at], one.data(), static_cast<std::size_t>(item_size(values.dtype)));
    }
  }
}

TEST(Oracle, Casts) {
  for (const Pair& from : pairs()) {
    for (const Pair& to : pairs()) {
      Values all = samples(from.ours, 1);
      if (torch_folds_nan(from.ours, to.ours)) keep_range(all, -1e300, 1e300);
      if (torch_is_of_two_minds(from.ours, to.ours)) keep_range(all, 0, 0x1p32);
      for (const std::int64_t n : counts(all.count())) {
        const Values in = first(all, n);
        Values out(to.ours, in.count());
        cast(from.ours, in.bytes.data(), to.ours, out.bytes.data(), in.count());
        expect_same(out, in.tensor().to(to.theirs), to_string(from.ours) + " to " + to_string(to.ours));
      }
    }
  }
}

at::Tensor torch_binary(BinaryOp op, const at::Tensor& a, const at::Tensor& b) {
  switch (op) {
    case BinaryOp::add:
      return at::add(a, b);
    case BinaryOp::subtract:
      return at::sub(a, b);
    case BinaryOp::multiply:
      return at::mul(a, b);
  }
  throw std::logic_error("no such operation");
}

// What libtorch computes; through a wider type where it has no arithmetic of its own for this one.
at::Tensor expected_binary(BinaryOp op, const Values& a, const Values& b) {
  const at::Tensor x = a.tensor(), y = b.tensor();
  if (is_wide_unsigned(a.dtype)) {
    return torch_binary(op, x.to(at::kLong), y.to(at::kLong)).to(x.scalar_type());
  }
  const bool by_float = is_eight_bit_float(a.dtype) || (is_half(a.dtype) && TORCH_VERSION_MAJOR < 2);
  if (by_float) return torch_binary(op, x.to(at::kFloat), y.to(at::kFloat)).to(x.scalar_type());
  return torch_binary(op, x, y);
}

TEST(Oracle, Binary) {
  for (const Pair& pair : pairs()) {
    for (const BinaryOp op : {BinaryOp::add, BinaryOp::subtract, BinaryOp::multiply}) {
      if (!supports(op, pair.ours)) continue;
      const Values a = samples(pair.ours, 1);
      for (const unsigned seed : {2U, 3U}) {
        const Values b = samples(pair.ours, seed);
        for (const std::int64_t n : counts(a.count())) {
          const Values x = first(a, n), y = first(b, n);
          Values out(pair.ours, x.count());
          binary(op, pair.ours, x.bytes.data(), y.bytes.data(), out.bytes.data(), x.count());
          expect_same(out, expected_binary(op, x, y),
                      to_string(pair.ours) + " op " + std::to_string(static_cast<int>(op)));
        }
      }
    }
  }
}

at::Tensor expected_scale(const Values& in, double factor) {
  const at::Tensor x = in.tensor();
  if (is_integer(in.dtype)) {
    const auto whole = static_cast<std::int64_t>(factor);
    if (is_wide_unsigned(in.dtype)) return at::mul(x.to(at::kLong), whole).to(x.scalar_type());
    return at::mul(x, at::scalar_tensor(whole, at::kLong).to(x.scalar_type()));
  }
  const bool by_float = is_eight_bit_float(in.dtype) || (is_half(in.dtype) && TORCH_VERSION_MAJOR < 2);
  if (by_float) return at::mul(x.to(at::kFloat), at::Scalar(factor)).to(x.scalar_type());
  return at::mul(x, at::Scalar(factor));
}

TEST(Oracle, Scale) {
  for (const Pair& pair : pairs()) {
    if (pair.ours == DType::BOOL) continue;
    const Values all = samples(pair.ours, 1);
    const std::vector<double> factors = is_integer(pair.ours) ? std::vector<double>{0, 1, -1, 3, -77, 1000003}
                                                              : std::vector<double>{0.5, 0.3, -1.7, 1e-3, 1e5, 0};
    for (const double factor : factors) {
      for (const std::int64_t n : counts(all.count())) {
        const Values in = first(all, n);
        Values out(pair.ours, in.count());
        scale(pair.ours, in.bytes.data(), factor, out.bytes.data(), in.count());
        expect_same(out, expected_scale(in, factor), to_string(pair.ours) + " by " + std::to_string(factor));
      }
    }
  }
}

TEST(Oracle, Clamp) {
  const std::vector<ClampLimits> limits{{-3.0, 7.0}, {0.0, std::nullopt}, {std::nullopt, 1.0}, {-0.3, 0.3}};
  for (const Pair& pair : pairs()) {
    if (pair.ours == DType::BOOL || is_wide_unsigned(pair.ours) || is_eight_bit_float(pair.ours)) continue;
    const Values in = samples(pair.ours, 1);
    for (const ClampLimits& limit : limits) {
      const auto scalar = [&](const std::optional<double>& value, bool low) -> c10::optional<at::Scalar> {
        if (!value) return c10::nullopt;
        if (is_floating(pair.ours)) return at::Scalar(*value);
        const double whole = low ? std::ceil(*value) : std::floor(*value);
        return at::Scalar(static_cast<std::int64_t>(pair.ours == DType::U8 ? std::max(whole, 0.0) : whole));
      };
      Values out(pair.ours, in.count());
      clamp(pair.ours, in.bytes.data(), limit, out.bytes.data(), in.count());
      const bool by_float = is_half(pair.ours) && TORCH_VERSION_MAJOR < 2;
      at::Tensor theirs = in.tensor();
      if (by_float) {
        const auto rounded = [&](const std::optional<double>& value) -> c10::optional<at::Scalar> {
          if (!value) return c10::nullopt;
          return at::Scalar(at::scalar_tensor(*value, at::kFloat).to(pair.theirs).to(at::kDouble).item<double>());
        };
        theirs = at::clamp(theirs.to(at::kFloat), rounded(limit.low), rounded(limit.high)).to(pair.theirs);
      } else {
        theirs = at::clamp(theirs, scalar(limit.low, true), scalar(limit.high, false));
      }
      expect_same(out, theirs, to_string(pair.ours) + " clamp");
    }
  }
}

TEST(Oracle, Equal) {
  std::mt19937 engine(9);
  for (const Pair& pair : pairs()) {
    if (is_eight_bit_float(pair.ours)) continue;
    for (int round = 0; round < 60; ++round) {
      const Values all = samples(pair.ours, static_cast<unsigned>(round));
      const auto start = static_cast<std::int64_t>(engine() % static_cast<unsigned>(all.count()));
      Values a(pair.ours, std::min<std::int64_t>(all.count() - start, 1 + round));
      std::memcpy(a.bytes.data(), &all.bytes[static_cast<std::size_t>(start * item_size(pair.ours))], a.bytes.size());
      Values b = a;
      if (round % 3 == 0) b.bytes[engine() % b.bytes.size()] ^= pair.ours == DType::BOOL ? 1 : 0x80;
      EXPECT_EQ(all_equal(pair.ours, a.bytes.data(), b.bytes.data(), a.count()), at::equal(a.tensor(), b.tensor()))
          << to_string(pair.ours);
    }
  }
}

TEST(Oracle, Uniform) {
  std::vector<Pair> floats{{DType::F32, at::kFloat}, {DType::F64, at::kDouble}};
  // 1.13 draws fewer bits for the half types, and keeps a draw that rounds to the upper bound.
  if (TORCH_VERSION_MAJOR >= 2) floats.insert(floats.end(), {{DType::F16, at::kHalf}, {DType::BF16, at::kBFloat16}});
  for (const Pair& pair : floats) {
    for (const std::uint64_t seed : {0ULL, 7ULL, 123456789012345ULL}) {
      for (const auto& [low, high] : {std::pair{0.0, 1.0}, std::pair{-0.1, 0.3}, std::pair{-1e-3, 7.0}}) {
        Values ours(pair.ours, 3001);
        UniformStream(seed, low, high).draw(pair.ours, ours.bytes.data(), 3001);
        const at::Tensor theirs =
            at::empty({3001}, pair.theirs).uniform_(low, high, at::detail::createCPUGenerator(seed));
        expect_same(ours, theirs, to_string(pair.ours) + " uniform");
      }
    }
  }
}

TEST(Oracle, Permutations) {
  const at::Tensor source = at::arange(7 * 33 * 65, at::kInt).reshape({7, 33, 65});
  for (const std::vector<std::int64_t>& order :
       std::vector<std::vector<std::int64_t>>{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
    const at::Tensor view = source.permute(order);
    const at::Tensor expected = view.contiguous();
    at::Tensor out = at::zeros_like(expected);
    const auto sizes = view.sizes().vec(), from = view.strides().vec(), to = out.strides().vec();
    copy_strided(source.data_ptr(), out.data_ptr(), 4, {sizes, from, to});
    EXPECT_TRUE(at::equal(out, expected));
  }
}

}  // namespace
}  // namespace brainsurgery::kernels
