// The table of reducers.
#include "brainsurgery/reducer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "brainsurgery/error.h"
#include "kernels/reductions.h"

namespace brainsurgery {
namespace {

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

using Use = Reducer::Use;

// The dtype that all operands have.
DType common(const Reducer& reducer, const Use& use) {
  const DType first = use.operands.front();
  for (const DType dtype : use.operands) {
    if (dtype != first) refuse(fmt::format("dtypes differ: {} and {}", to_string(first), to_string(dtype)));
  }
  if (!info(first).computes) {
    refuse(fmt::format("{} is not defined for dtype {}: such tensors can be renamed, copied and joined only",
                       reducer.name, to_string(first)));
  }
  return first;
}

DType same(const Reducer& reducer, const Use& use) { return common(reducer, use); }

// Integers and bools are summed as int64.
DType total(const Reducer& reducer, const Use& use) {
  const DType dtype = common(reducer, use);
  return is_floating(dtype) ? dtype : DType::I64;
}

DType floating(const Reducer& reducer, const Use& use) {
  const DType dtype = common(reducer, use);
  if (!is_floating(dtype)) {
    refuse(fmt::format("{} is not defined for dtype {}; cast to a floating dtype first", reducer.name,
                       to_string(dtype)));
  }
  return dtype;
}

double number(const Use& use, std::size_t i) { return *use.parameters.numbers[i]; }

DType of_order(const Reducer& reducer, const Use& use) {
  const double order = number(use, 0);
  if (order != 1 && order != 2 && !(std::isinf(order) && order > 0))
    refuse(fmt::format("{} is defined for p = 1, 2 and inf, not for {}", reducer.name, order));
  return floating(reducer, use);
}

DType spread(const Reducer& reducer, const Use& use) {
  if (!std::isfinite(number(use, 0)))
    refuse(fmt::format("the correction of {} is a finite number, not {}", reducer.name, number(use, 0)));
  return floating(reducer, use);
}

DType place(const Reducer& reducer, const Use& use) {
  static_cast<void>(common(reducer, use));
  return DType::I64;
}

DType count_of_true(const Reducer& reducer, const Use& use) {
  const DType dtype = common(reducer, use);
  if (dtype != DType::BOOL)
    refuse(fmt::format("{} is defined for bool tensors, not for {}", reducer.name, to_string(dtype)));
  return DType::I64;
}

DType truth(const Reducer& reducer, const Use& use) {
  static_cast<void>(common(reducer, use));
  return DType::BOOL;
}

DType one_of_them(const Reducer& reducer, const Use& use) {
  const double k = number(use, 0);
  if (!(k >= 1) || k != std::trunc(k))
    refuse(fmt::format("k of {} is a whole number from 1 on, not {}", reducer.name, k));
  if (use.count > 0 && k > static_cast<double>(use.count))
    refuse(fmt::format("k of {} is {}, but there are {} elements", reducer.name, k, use.count));
  return common(reducer, use);
}

DType between(const Reducer& reducer, const Use& use) {
  if (!(number(use, 0) >= 0 && number(use, 0) <= 1))
    refuse(fmt::format("q of {} is between 0 and 1, not {}", reducer.name, number(use, 0)));
  return floating(reducer, use);
}

constexpr double kMostBins = 65536;

DType counts(const Reducer& reducer, const Use& use) {
  const double bins = number(use, 0), low = number(use, 1), high = number(use, 2);
  if (!(bins >= 1 && bins <= kMostBins) || bins != std::trunc(bins))
    refuse(fmt::format("{} has 1 to {} bins, not {}", reducer.name, kMostBins, bins));
  if (!(low < high && std::isfinite(high - low)))
    refuse(fmt::format("{} needs low < high, both finite, not {} and {}", reducer.name, low, high));
  static_cast<void>(common(reducer, use));
  return DType::I64;
}

std::int64_t bins(const ReducerParameters& parameters) { return static_cast<std::int64_t>(*parameters.numbers[0]); }

namespace loops = kernels::reductions;

struct Row {
  std::string_view name, meaning;
  std::size_t operands;
  std::array<Reducer::Parameter, kMaxParameters> parameters;
  bool reduces_nothing;
  DType (*result)(const Reducer& reducer, const Use& use);
  const loops::Loops& loops;
  Reducer::Makes makes;
  bool by_rows = false;
  std::int64_t (*numbers)(const ReducerParameters& parameters) = nullptr;
};

using Makes = Reducer::Makes;
constexpr bool kOfNothing = true, kOfSome = false;

const std::array kRows{
    Row{"sum", "the sum; integers wrap as int64", 1, {}, kOfNothing, total, loops::kSum, Makes::numbers},
    Row{"mean", "the sum over the number of elements", 1, {}, kOfSome, floating, loops::kMean, Makes::floats},
    Row{"var", "the variance; the divisor is the number of elements less the correction", 1, {{{"correction", 1}}},
        kOfSome, spread, loops::kVariance, Makes::floats},
    Row{"std", "the square root of the variance", 1, {{{"correction", 1}}}, kOfSome, spread,
        loops::kDeviation, Makes::floats},
    Row{"norm", "the sum of magnitudes (p = 1), the root of the sum of squares (2), the largest magnitude (inf)", 1,
        {{{"p", 2}}}, kOfNothing, of_order, loops::kNorm, Makes::floats},
    Row{"min", "the smallest element, NaN if one is; -0.0 is below 0.0", 1, {}, kOfSome, same,
        loops::kMinimum, Makes::numbers},
    Row{"max", "the largest element, NaN if one is; 0.0 is above -0.0", 1, {}, kOfSome, same,
        loops::kMaximum, Makes::numbers},
    Row{"argmin", "the place of the first smallest element, or of the first NaN", 1, {}, kOfSome, place,
        loops::kFirstMinimum, Makes::counts},
    Row{"argmax", "the place of the first largest element, or of the first NaN", 1, {}, kOfSome, place,
        loops::kFirstMaximum, Makes::counts},
    Row{"prod", "the product; integers wrap as int64", 1, {}, kOfNothing, total, loops::kProduct, Makes::numbers},
    Row{"dot", "the sum of a * b; integers wrap as int64", 2, {}, kOfNothing, total, loops::kDot, Makes::numbers},
    Row{"count", "how many elements are true", 1, {}, kOfNothing, count_of_true, loops::kCount, Makes::counts},
    Row{"count_nonzero", "how many elements are not 0", 1, {}, kOfNothing, place, loops::kCount, Makes::counts},
    Row{"any", "whether an element is not 0", 1, {}, kOfNothing, truth, loops::kAny, Makes::truth},
    Row{"all", "whether no element is 0", 1, {}, kOfNothing, truth, loops::kAll, Makes::truth},
    Row{"kth_largest", "the element that k - 1 others stand before from the largest on; NaN is the largest", 1,
        {{{"k"}}}, kOfSome, one_of_them, loops::kLargest, Makes::numbers, true},
    Row{"median", "the element in the middle, the lower one of two; NaN is the largest", 1, {}, kOfSome, same,
        loops::kMedian, Makes::numbers, true},
    Row{"quantile", "the value that a share q lies below, between two elements if need be; NaN if one is", 1, {{{"q"}}},
        kOfSome, between, loops::kQuantile, Makes::floats, true},
    Row{"histogram", "how many elements lie in each of some equal bins from low to high", 1,
        {{{"bins"}, {"low"}, {"high"}}}, kOfNothing, counts, loops::kHistogram, Makes::counts, true, bins},
};

const std::array<Reducer, kRows.size()>& table() {
  static const auto made = [] {
    std::array<Reducer, kRows.size()> all{};
    std::ranges::transform(kRows, all.begin(), [](const Row& row) {
      return Reducer{row.name,        row.meaning,     row.operands,  row.parameters,  row.reduces_nothing,
                     row.by_rows,     row.result,      row.numbers,   row.loops.words, row.loops.start,
                     row.loops.add,   row.loops.merge, row.loops.finish, row.loops.any_order, row.loops.settled,
                     row.loops.passes, row.makes, true};
    });
    return all;
  }();
  return made;
}

}  // namespace

std::span<const Reducer> reducers() { return table(); }

const Reducer* find_reducer(std::string_view name) {
  const auto found = std::ranges::find(table(), name, &Reducer::name);
  return found == table().end() ? nullptr : &*found;
}

const Reducer& reducer(std::string_view name) {
  const Reducer* found = find_reducer(name);
  BS_CHECK(found != nullptr);
  return *found;
}

std::string describe(const Reducer& reducer, const ReducerParameters& parameters) {
  std::string text(reducer.name);
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    if (parameters.numbers[i]) text += fmt::format(" {} {}", reducer.parameters[i].name, *parameters.numbers[i]);
  }
  return text;
}

}  // namespace brainsurgery
