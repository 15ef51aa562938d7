// Reductions: what a plain loop in long double finds, the same bits for any way of cutting and sharing the work.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "brainsurgery/error.h"
#include "exec/executor.h"
#include "kernels/kernels.h"
#include "planner/physical_plan.h"
#include "planner/schedule.h"
#include "support/expressions.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Expr numbers(const std::vector<double>& values, DType dtype, Shape shape) {
  std::vector<std::byte> bytes(values.size() * static_cast<std::size_t>(item_size(dtype)));
  kernels::cast(DType::F64, values.data(), dtype, bytes.data(), static_cast<std::int64_t>(values.size()));
  return literal({dtype, std::move(shape)}, std::move(bytes));
}

Expr random_numbers(DType dtype, const Shape& shape, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (double& value : values) value = std::ldexp(static_cast<double>(static_cast<std::int64_t>(engine())), -62);
  return numbers(values, dtype, shape);
}

class Reduce : public ::testing::Test {
 protected:
  // The same bytes in all configurations.
  std::vector<std::byte> evaluate(const Expr& expr) {
    std::vector<std::byte> first;
    for (const auto& pool : pools_) {
      const int threads = pool->size();
      for (const std::int64_t tile_bytes : {1 << 20, 1 << 12}) {
        const ExecOptions options{.tile_bytes = tile_bytes,
                                  .budget_bytes = threads == 3 ? 1 : 1 << 30,
                                  .spill_directory = folder_ / "spill",
                                  .fuse = threads != 2};
        const std::vector<std::byte> found = Executor(*pool, options, nullptr).evaluate(expr);
        if (first.empty()) first = found;
        EXPECT_TRUE(found == first) << threads << " threads, tiles of " << tile_bytes << "\n" << to_string(expr);
      }
    }
    return first;
  }
  static std::vector<double> once(const Expr& expr) {
    ThreadPool pool(1);
    const std::vector<std::byte> bytes = Executor(pool, {}, nullptr).evaluate(cast(expr, DType::F64));
    std::vector<double> values(bytes.size() / sizeof(double));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::vector<double> values_of(const Expr& expr) { return once(literal(expr.desc(), evaluate(expr))); }

  testing::TempDir folder_;
  std::vector<std::unique_ptr<ThreadPool>> pools_ = [] {
    std::vector<std::unique_ptr<ThreadPool>> pools;
    for (const int threads : {1, 2, 3, 8}) pools.push_back(std::make_unique<ThreadPool>(threads));
    return pools;
  }();
};

// The elements that make each result.
std::vector<std::vector<double>> groups(const std::vector<double>& values, const Shape& shape,
                                        const std::vector<int>& axes) {
  std::int64_t results = 1;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (std::ranges::find(axes, static_cast<int>(i)) == axes.end()) results *= shape[i];
  std::vector<std::vector<double>> all(static_cast<std::size_t>(results));
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  for (std::size_t at = 0; at < values.size(); ++at) {
    std::int64_t group = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (std::ranges::find(axes, static_cast<int>(i)) != axes.end()) continue;
      group = group * shape[i] + static_cast<std::int64_t>(at) / strides[i] % shape[i];
    }
    all[static_cast<std::size_t>(group)].push_back(values[at]);
  }
  return all;
}

struct Expected {
  long double value, size;  // size: of what was added, for the error of sums in double
};

Expected expected_of(std::string_view name, double parameter, const std::vector<double>& x,
                     const std::vector<double>& y) {
  long double sum = 0, magnitudes = 0, squares = 0, products = 0, product = 1, most = 0, sizes = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double value = x[i];
    sum += value;
    magnitudes += std::abs(value);
    squares += value * value;
    products += value * y[i];
    sizes += std::abs(value * y[i]);
    product *= value;
    most = std::max(most, std::abs(value));
  }
  const auto n = static_cast<long double>(x.size());
  if (name == "sum") return {sum, magnitudes};
  if (name == "mean") return {sum / n, magnitudes / n};
  if (name == "dot") return {products, sizes};
  if (name == "prod") return {product, std::abs(product) * n};
  if (name == "norm" && parameter == 1) return {magnitudes, magnitudes};
  if (name == "norm" && parameter == 2) return {std::sqrt(squares), std::sqrt(squares)};
  if (name == "norm") return {most, 0};
  long double distances = 0;
  for (const double value : x) distances += (value - sum / n) * (value - sum / n);
  const long double variance = distances / std::max(0.0L, n - static_cast<long double>(parameter));
  if (name == "var") return {variance, variance * 4};
  return {std::sqrt(variance), std::sqrt(variance) * 4};
}

struct Precision {
  DType dtype;
  int bits, least_exponent;
};
constexpr Precision kPrecisions[] = {{DType::F64, 53, -1074},   {DType::F32, 24, -149},    {DType::F16, 11, -24},
                                     {DType::BF16, 8, -133},    {DType::F8_E4M3, 4, -9},   {DType::F8_E5M2, 3, -16},
                                     {DType::F8_E4M3FNUZ, 4, -10}};

struct Sum {
  const char* name;
  ReducerParameters parameters;
};
const Sum kSums[] = {{"sum", {}},           {"mean", {}},           {"norm", {{1.0}}},     {"norm", {{2.0}}},
                     {"norm", {{kInf}}},    {"var", {{1.0}}},       {"var", {{0.0}}},      {"std", {{1.0}}},
                     {"dot", {}},           {"prod", {}}};

struct Cut {
  Shape shape;
  std::vector<int> axes;
};

TEST_F(Reduce, SumsAreThoseOfLongDoubleRoundedOnce) {
  const std::vector<Cut> cuts{{{3, 5, 7}, {0}},       {{3, 5, 7}, {1}},    {{3, 5, 7}, {2}},      {{3, 5, 7}, {0, 2}},
                              {{3, 5, 7}, {0, 1, 2}}, {{6000, 3}, {0}},    {{3, 6000}, {1}},   {{2, 4, 3, 5}, {1, 3}},
                              {{270'001}, {0}},       {{66'000, 2}, {0}},  {{2, 70'003}, {1}},    {{40, 1700}, {0}},
                              {{1}, {0}},             {{2, 3, 17'000}, {1}}};
  for (const auto& [dtype, bits, least] : kPrecisions) {
    for (const auto& [shape, axes] : cuts) {
      const Expr a = random_numbers(dtype, shape, 1), b = random_numbers(dtype, shape, 2);
      const auto x = groups(once(a), shape, axes), y = groups(once(b), shape, axes);
      for (const auto& [name, parameters] : kSums) {
        std::vector<Expr> operands{a};
        if (reducer(name).operands == 2) operands.push_back(b);
        const Expr expr = reduce(reducer(name), operands, axes, false, parameters);
        ASSERT_EQ(expr.dtype(), dtype);
        const std::vector<double> found = values_of(expr);
        ASSERT_EQ(found.size(), x.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
          const Expected wanted = expected_of(name, parameters.numbers[0].value_or(0), x[i], y[i]);
          if (!(std::abs(wanted.value) < info(dtype).max_finite)) continue;
          const int exponent = wanted.value == 0 ? least : std::max(std::ilogb(wanted.value) - bits, least - 1);
          const long double allowed = std::ldexp(1.0L, exponent) + wanted.size * 1e-14L;
          ASSERT_LE(std::abs(found[i] - wanted.value), allowed)
              << name << " " << to_string(dtype) << " " << to_string(shape) << " result " << i;
        }
      }
    }
  }
}

TEST_F(Reduce, SumsAreRoundedOnceToHalves) {
  // 1 + 2^-8 is half way between two numbers of bfloat16, 2^-40 more is not; in float it is lost.
  const Expr wide = numbers({1, 0x1p-8, 0x1p-40}, DType::BF16, {3});
  EXPECT_EQ(values_of(reduce(reducer("sum"), {wide})), std::vector<double>{1 + 0x1p-7});
  const Expr tie = numbers({1, 0x1p-8, 0}, DType::BF16, {3});
  EXPECT_EQ(values_of(reduce(reducer("sum"), {tie})), std::vector<double>{1});
}

TEST_F(Reduce, IntegersWrapAsInt64) {
  const double big = 0x1p62;
  const Expr a = numbers({big, big, big, 5}, DType::I64, {4});
  EXPECT_EQ(values_of(reduce(reducer("sum"), {a})), std::vector<double>{-0x1p62 + 5});
  const Expr small = numbers({200, 100, 255}, DType::U8, {3});
  EXPECT_EQ(values_of(reduce(reducer("sum"), {small})), std::vector<double>{555});
  EXPECT_EQ(values_of(reduce(reducer("prod"), {small})), std::vector<double>{200.0 * 100 * 255});
  EXPECT_EQ(values_of(reduce(reducer("dot"), {small, small})), std::vector<double>{40000 + 10000 + 65025});
  EXPECT_EQ(reduce(reducer("sum"), {numbers({1, 0, 1}, DType::BOOL, {3})}).dtype(), DType::I64);
}

// A large mean takes nothing from the precision of a variance.
TEST_F(Reduce, VarianceOfNumbersFarFromZero) {
  std::vector<double> values(300'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1e9 + static_cast<double>(i % 2);
  const Expr expr = reduce(reducer("var"), {numbers(values, DType::F64, {300'000})}, {}, false, {{0.0}});
  EXPECT_NEAR(values_of(expr)[0], 0.25, 1e-12);
}

TEST_F(Reduce, SpecialValues) {
  const auto one = [this](const char* name, const std::vector<double>& values, DType dtype) {
    return values_of(reduce(reducer(name), {numbers(values, dtype, {static_cast<std::int64_t>(values.size())})}))[0];
  };
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::F8_E5M2}) {
    for (const char* name : {"min", "max", "sum", "mean", "var", "norm"})
      EXPECT_TRUE(std::isnan(one(name, {1, kNan, -kInf, 3}, dtype))) << name << to_string(dtype);
    EXPECT_EQ(one("argmin", {1, 0, kNan, kNan}, dtype), 2);
    EXPECT_EQ(one("argmax", {1, kNan, kInf, kNan}, dtype), 1);
    EXPECT_EQ(one("min", {1, kInf, -kInf}, dtype), -kInf);
    EXPECT_EQ(one("max", {1, -kInf, kInf}, dtype), kInf);
    EXPECT_TRUE(std::signbit(one("min", {0.0, -0.0, 0.0}, dtype)));
    EXPECT_FALSE(std::signbit(one("max", {-0.0, 0.0, -0.0}, dtype)));
    EXPECT_EQ(one("argmin", {1, 0.0, -0.0}, dtype), 1);
    EXPECT_EQ(one("argmax", {-1, -0.0, 0.0}, dtype), 1);
    EXPECT_TRUE(std::isnan(one("sum", {kInf, -kInf}, dtype)));
    EXPECT_EQ(one("any", {0.0, -0.0, kNan}, dtype), 1);
    EXPECT_EQ(one("all", {1, -0.0, kNan}, dtype), 0);
    EXPECT_EQ(one("count_nonzero", {0.0, -0.0, kNan, 2}, dtype), 2);
    EXPECT_TRUE(std::isnan(one("var", {1}, dtype)));
  }
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  const Expr extremes = literal({DType::I64, {2}}, [] {
    const std::int64_t values[] = {std::numeric_limits<std::int64_t>::max(), kLeast};
    std::vector<std::byte> bytes(sizeof values);
    std::memcpy(bytes.data(), values, sizeof values);
    return bytes;
  }());
  EXPECT_EQ(values_of(reduce(reducer("argmin"), {extremes}))[0], 1);
  EXPECT_EQ(values_of(reduce(reducer("min"), {extremes}))[0], static_cast<double>(kLeast));
}

TEST_F(Reduce, NanIsFoundAtEveryPlace) {
  for (const DType dtype : {DType::F64, DType::F32, DType::BF16, DType::F8_E4M3}) {
    for (const std::int64_t n : {1, 15, 16, 33, 70}) {
      for (std::int64_t place = 0; place < n; ++place) {
        std::vector<double> values(static_cast<std::size_t>(n), 1);
        values[static_cast<std::size_t>(place)] = kNan;
        const Expr row = numbers(values, dtype, {n}), column = numbers(values, dtype, {n, 1});
        for (const char* name : {"min", "max", "sum", "quantile"}) {
          const ReducerParameters parameters =
              std::string_view(name) == "quantile" ? ReducerParameters{{0.0}} : ReducerParameters{};
          ASSERT_TRUE(std::isnan(once(reduce(reducer(name), {row}, {}, false, parameters))[0])) << name << place;
        }
        ASSERT_EQ(once(reduce(reducer("argmax"), {column}, {0}))[0], static_cast<double>(place));
      }
    }
  }
}

// Whole rows at once, and longer ones in passes over 16 bits of a key.
TEST_F(Reduce, OrderStatisticsAreThoseOfSortedRows) {
  constexpr std::int64_t kLong = Reducer::kWholeRow + 5000;
  const std::vector<Cut> cuts{{{7}, {0}}, {{300, 5}, {0}}, {{5, 300}, {1}}, {{3, 4, 6}, {0, 2}},
                              {{kLong}, {0}}, {{2, kLong}, {1}}};
  for (const DType dtype : {DType::F64, DType::F32, DType::BF16, DType::F8_E5M2, DType::I8, DType::I64, DType::BOOL}) {
    for (const Cut& cut : cuts) {
      const Shape& shape = cut.shape;
      const std::vector<int>& axes = cut.axes;
      if (element_count(shape) > kLong && dtype != DType::F32) continue;
      const Expr a = random_numbers(dtype, shape, 9);
      auto x = groups(once(a), shape, axes);
      for (auto& row : x) std::ranges::sort(row);
      const auto n = static_cast<std::int64_t>(x[0].size());
      const auto found = [&, &axes = axes](const char* name, const ReducerParameters& parameters) {
        const Expr expr = reduce(reducer(name), {a}, axes, false, parameters);
        return n == kLong ? once(expr) : values_of(expr);
      };
      const std::vector<double> median = found("median", {}), third = found("kth_largest", {{3.0}});
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(median[i], x[i][static_cast<std::size_t>((n - 1) / 2)]) << to_string(dtype) << to_string(shape);
        ASSERT_EQ(third[i], x[i][x[i].size() - 3]) << to_string(dtype) << to_string(shape);
      }
      if (!is_floating(dtype)) continue;
      for (const double q : {0.0, 0.25, 0.3, 1.0}) {
        const std::vector<double> quantile = found("quantile", {{q}});
        const double at = q * static_cast<double>(n - 1);
        const auto below = static_cast<std::size_t>(at);
        for (std::size_t i = 0; i < x.size(); ++i) {
          const double low = x[i][below], high = x[i][std::min(below + 1, x[i].size() - 1)];
          const double expected = low + (at - static_cast<double>(below)) * (high - low);
          ASSERT_EQ(quantile[i], once(numbers({expected}, dtype, {1}))[0]) << to_string(dtype) << to_string(shape) << q;
        }
      }
    }
  }
}

TEST_F(Reduce, OrderStatisticsOfEqualElementsAndNan) {
  for (const std::int64_t n : {std::int64_t{10}, Reducer::kWholeRow + 1}) {
    std::vector<double> values(static_cast<std::size_t>(n), -2);
    const auto of = [&](const char* name, double parameter) {
      const Expr row = numbers(values, DType::F32, {n});
      return once(reduce(reducer(name), {row}, {}, false, {{parameter}}))[0];
    };
    EXPECT_EQ(of("quantile", 0.37), -2);
    EXPECT_EQ(of("kth_largest", static_cast<double>(n)), -2);
    values[3] = kInf;
    EXPECT_EQ(of("kth_largest", 1), kInf);
    EXPECT_EQ(of("quantile", 0.5), -2);
    EXPECT_EQ(of("quantile", 1), kInf);
    values[4] = kNan;
    EXPECT_TRUE(std::isnan(of("kth_largest", 1)));
    EXPECT_EQ(of("kth_largest", 2), kInf);
    EXPECT_TRUE(std::isnan(of("quantile", 0.5)));
  }
}

// Without fusion the operand is converted, with it the reducer reads what was converted.
TEST_F(Reduce, ConvertedOperands) {
  for (const DType dtype : {DType::BF16, DType::F8_E4M3}) {
    const Expr a = random_numbers(dtype, {7, 1100}, 21);
    for (const DType wide : {DType::F32, DType::F64}) {
      const Expr converted = cast(a, wide), size = map(operation("abs"), {converted});
      for (const Reducer& row : reducers()) {
        ReducerParameters parameters;
        for (std::size_t i = 0; i < kMaxParameters && !row.parameters[i].name.empty(); ++i)
          parameters.numbers[i] = row.parameters[i].otherwise.value_or(1);
        if (row.numbers != nullptr) parameters.numbers[2] = 2;
        for (const Expr& operand : {converted, size, map(operation("is_nan"), {converted})}) {
          if (operand.dtype() == DType::BOOL ? row.makes == Reducer::Makes::floats : row.name == "count") continue;
          for (const std::vector<int>& axes : {std::vector<int>{}, {0}, {1}}) {
            const Expr found = reduce(row, std::vector<Expr>(row.operands, operand), axes, false, parameters);
            SCOPED_TRACE(fmt::format("{} of {} {}", row.name, to_string(dtype), to_string(wide)));
            evaluate(found);
          }
        }
      }
    }
  }
}

TEST_F(Reduce, CountsBytesBeyondTheirRange) {
  constexpr std::int64_t kLong = 64 * 255 * 2 + 77;
  std::vector<double> values(kLong, 1);
  values[3] = values[kLong - 1] = 0;
  for (const DType dtype : {DType::BOOL, DType::U8, DType::I8}) {
    const Expr a = numbers(values, dtype, {kLong});
    EXPECT_EQ(values_of(reduce(reducer("count_nonzero"), {a})), (std::vector<double>{kLong - 2.0}));
    EXPECT_EQ(values_of(reduce(reducer("sum"), {a})), (std::vector<double>{kLong - 2.0}));
  }
  const Expr negative = numbers(std::vector<double>(1000, -3), DType::I8, {1000});
  EXPECT_EQ(values_of(reduce(reducer("sum"), {negative})), (std::vector<double>{-3000}));
}

TEST_F(Reduce, Histograms) {
  const Expr a = numbers({-1, 0, 0.5, 1, 1.5, 4, 5, kNan, 3.9, 2}, DType::F32, {2, 5});
  const ReducerParameters four{{4.0, 0.0, 4.0}};
  const Expr whole = reduce(reducer("histogram"), {a}, {}, false, four);
  EXPECT_EQ(whole.desc(), (TensorDesc{DType::I64, {4}}));
  EXPECT_EQ(values_of(whole), (std::vector<double>{2, 2, 1, 2}));
  const Expr of_rows = reduce(reducer("histogram"), {a}, {1}, true, four);
  EXPECT_EQ(of_rows.shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(values_of(of_rows), (std::vector<double>{2, 2, 0, 0, 0, 0, 1, 2}));
  EXPECT_EQ(values_of(reduce(reducer("histogram"), {numbers({}, DType::F32, {0})}, {}, false, four)),
            (std::vector<double>{0, 0, 0, 0}));
  const Expr many = random_numbers(DType::BF16, {1'500'000}, 5);
  const std::vector<double> counts = values_of(reduce(reducer("histogram"), {many}, {}, false, {{8.0, -2.0, 2.0}}));
  std::vector<double> expected(8);
  for (const double value : once(many)) ++expected[std::min<std::size_t>(7, static_cast<std::size_t>((value + 2) * 2))];
  EXPECT_EQ(counts, expected);
}

// The bytes of files that are read are those that the plan says, passes included.
TEST_F(Reduce, ReadsWhatThePlanSays) {
  const std::int64_t n = Reducer::kWholeRow + 100;
  const std::string path = folder_ / "numbers";
  {
    const auto file = posix_env().create(path);
    file->resize(n * 4);
    file->close();
  }
  const Expr w = source(posix_env().open(path), 0, {DType::F32, {n}});
  PhysicalPlan plan({});
  plan.add_tensor(reduce(reducer("median"), {w}));
  plan.add_tensor(reduce(reducer("sum"), {w}));
  plan.add_tensor(reduce(reducer("max"), {w}));
  plan.add_tensor(subtract(w, reduce(reducer("mean"), {w})));
  const ExecOptions options{.spill_directory = folder_ / "spill"};
  Executor executor(*pools_[1], options, nullptr);
  const ScheduleLimits limits = schedule_limits(options, 2);
  const std::vector<Stage> stages = Scheduler(plan.materializations(), limits).schedule(plan);
  EXPECT_EQ(byte_counts(plan, stages).read, (2 + 1 + 1) * n * 4);  // two passes of the median, the others', the tensor
  const auto file = posix_env().create(folder_ / "out");
  executor.write(plan, *file);
  file->close();
  EXPECT_EQ(executor.moved(), byte_counts(plan, stages));
}

TEST_F(Reduce, OfNothing) {
  const Expr empty = numbers({}, DType::F32, {2, 0});
  EXPECT_EQ(values_of(reduce(reducer("sum"), {empty}, {1})), (std::vector<double>{0, 0}));
  EXPECT_EQ(values_of(reduce(reducer("prod"), {empty}, {1}, true)), (std::vector<double>{1, 1}));
  EXPECT_EQ(values_of(reduce(reducer("any"), {empty}))[0], 0);
  EXPECT_EQ(values_of(reduce(reducer("all"), {empty}))[0], 1);
  EXPECT_EQ(values_of(reduce(reducer("count"), {cast(empty, DType::BOOL)}))[0], 0);
  for (const char* name : {"mean", "min", "argmax", "var"}) {
    try {
      static_cast<void>(reduce(reducer(name), {empty}, {1}));
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::plan);
      EXPECT_EQ(std::string(error.what()), std::string(name) + " over an empty axis has no value: shape [2, 0]");
    }
  }
  EXPECT_EQ(reduce(reducer("max"), {empty}, {0}).shape(), Shape{0});
}

TEST_F(Reduce, ResultsAreOperands) {
  const Shape shape{5, 1000};
  const Expr w = random_numbers(DType::F32, shape, 7);
  const Expr square_mean = reduce(reducer("mean"), {multiply(w, w)}, {-1}, true);
  const std::vector<double> found = values_of(map(operation("divide"), {w, map(operation("sqrt"), {square_mean})}));
  const std::vector<double> x = once(w);
  for (std::size_t row = 0; row < 5; ++row) {
    double sum = 0;
    for (std::size_t i = 0; i < 1000; ++i) sum += x[row * 1000 + i] * x[row * 1000 + i];
    for (std::size_t i = 0; i < 1000; ++i)
      ASSERT_NEAR(found[row * 1000 + i], x[row * 1000 + i] / std::sqrt(sum / 1000), 1e-6);
  }
  // Seen through slices, permutations and joins, and reduced again.
  const Expr of_rows = reduce(reducer("sum"), {w}, {1}), of_columns = reduce(reducer("sum"), {w}, {0});
  const Expr joined = concat({of_rows, slice(of_columns, Region{{{10, 20, 2, false}}})}, 0);
  EXPECT_EQ(values_of(reduce(reducer("count_nonzero"), {joined}))[0], 25);
}

// Recorded once: the results do not depend on the instruction set, which the environment of this test chooses.
TEST_F(Reduce, BitsAreTheSameOnEveryMachine) {
  std::uint64_t hash = 14695981039346656037U;
  for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::F8_E4M3, DType::I32, DType::BOOL}) {
    for (const auto& [shape, axes] : {Cut{{31, 4099}, {1}}, Cut{{4099, 31}, {0}}, Cut{{127'069}, {}}}) {
      const Expr a = random_numbers(dtype, shape, 3), b = random_numbers(dtype, shape, 4);
      for (const char* name : {"sum", "mean", "norm", "var", "std", "prod", "dot", "max", "argmin"}) {
        const Reducer& row = reducer(name);
        try {
          const std::vector<Expr> operands = row.operands == 2 ? std::vector{a, b} : std::vector{a};
          ThreadPool pool(1);
          for (const std::byte byte : Executor(pool, {}, nullptr).evaluate(reduce(row, operands, axes)))
            hash = (hash ^ static_cast<std::uint64_t>(byte)) * 1099511628211U;
        } catch (const Error& error) {
          ASSERT_EQ(error.code(), ErrorCode::plan);
        }
      }
    }
  }
  EXPECT_EQ(hash, 3887953682884055454U);
}

}  // namespace
}  // namespace brainsurgery
