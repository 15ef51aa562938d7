// The table of reducers.
#include "brainsurgery/reducer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "brainsurgery/error.h"
#include "kernels/reductions.h"

namespace brainsurgery {
namespace {

using DTypes = std::span<const DType>;

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

// The dtype that all operands have.
DType common(const Reducer& reducer, DTypes operands) {
  for (const DType dtype : operands) {
    if (dtype != operands.front())
      refuse(fmt::format("dtypes differ: {} and {}", to_string(operands.front()), to_string(dtype)));
  }
  if (!info(operands.front()).computes) {
    refuse(fmt::format("{} is not defined for dtype {}: such tensors can be renamed, copied and joined only",
                       reducer.name, to_string(operands.front())));
  }
  return operands.front();
}

DType same(const Reducer& reducer, DTypes operands, const ReducerParameters&) { return common(reducer, operands); }

// Integers and bools are summed as int64.
DType total(const Reducer& reducer, DTypes operands, const ReducerParameters&) {
  const DType dtype = common(reducer, operands);
  return is_floating(dtype) ? dtype : DType::I64;
}

DType floating(const Reducer& reducer, DTypes operands, const ReducerParameters&) {
  const DType dtype = common(reducer, operands);
  if (!is_floating(dtype)) {
    refuse(fmt::format("{} is not defined for dtype {}; cast to a floating dtype first", reducer.name,
                       to_string(dtype)));
  }
  return dtype;
}

DType of_order(const Reducer& reducer, DTypes operands, const ReducerParameters& parameters) {
  const double order = *parameters.numbers[0];
  if (order != 1 && order != 2 && !(std::isinf(order) && order > 0))
    refuse(fmt::format("{} is defined for p = 1, 2 and inf, not for {}", reducer.name, order));
  return floating(reducer, operands, parameters);
}

DType spread(const Reducer& reducer, DTypes operands, const ReducerParameters& parameters) {
  if (!std::isfinite(*parameters.numbers[0]))
    refuse(fmt::format("the correction of {} is a finite number, not {}", reducer.name, *parameters.numbers[0]));
  return floating(reducer, operands, parameters);
}

DType place(const Reducer& reducer, DTypes operands, const ReducerParameters&) {
  static_cast<void>(common(reducer, operands));
  return DType::I64;
}

DType count_of_true(const Reducer& reducer, DTypes operands, const ReducerParameters&) {
  const DType dtype = common(reducer, operands);
  if (dtype != DType::BOOL)
    refuse(fmt::format("{} is defined for bool tensors, not for {}", reducer.name, to_string(dtype)));
  return DType::I64;
}

DType truth(const Reducer& reducer, DTypes operands, const ReducerParameters&) {
  static_cast<void>(common(reducer, operands));
  return DType::BOOL;
}

namespace loops = kernels::reductions;

struct Row {
  std::string_view name, meaning;
  std::size_t operands;
  std::array<Reducer::Parameter, kMaxParameters> parameters;
  bool reduces_nothing;
  DType (*result)(const Reducer& reducer, DTypes operands, const ReducerParameters& parameters);
  const loops::Loops& loops;
};

constexpr bool kOfNothing = true, kOfSome = false;

const std::array kRows{
    Row{"sum", "the sum; integers wrap as int64", 1, {}, kOfNothing, total, loops::kSum},
    Row{"mean", "the sum over the number of elements", 1, {}, kOfSome, floating, loops::kMean},
    Row{"var", "the variance; the divisor is the number of elements less the correction", 1, {{{"correction", 1}}},
        kOfSome, spread, loops::kVariance},
    Row{"std", "the square root of the variance", 1, {{{"correction", 1}}}, kOfSome, spread, loops::kDeviation},
    Row{"norm", "the sum of magnitudes (p = 1), the root of the sum of squares (2), the largest magnitude (inf)", 1,
        {{{"p", 2}}}, kOfNothing, of_order, loops::kNorm},
    Row{"min", "the smallest element, NaN if one is; -0.0 is below 0.0", 1, {}, kOfSome, same, loops::kMinimum},
    Row{"max", "the largest element, NaN if one is; 0.0 is above -0.0", 1, {}, kOfSome, same, loops::kMaximum},
    Row{"argmin", "the place of the first smallest element, or of the first NaN", 1, {}, kOfSome, place,
        loops::kFirstMinimum},
    Row{"argmax", "the place of the first largest element, or of the first NaN", 1, {}, kOfSome, place,
        loops::kFirstMaximum},
    Row{"prod", "the product; integers wrap as int64", 1, {}, kOfNothing, total, loops::kProduct},
    Row{"dot", "the sum of a * b; integers wrap as int64", 2, {}, kOfNothing, total, loops::kDot},
    Row{"count", "how many elements are true", 1, {}, kOfNothing, count_of_true, loops::kCount},
    Row{"count_nonzero", "how many elements are not 0", 1, {}, kOfNothing, place, loops::kCount},
    Row{"any", "whether an element is not 0", 1, {}, kOfNothing, truth, loops::kAny},
    Row{"all", "whether no element is 0", 1, {}, kOfNothing, truth, loops::kAll},
};

const std::array<Reducer, kRows.size()>& table() {
  static const auto made = [] {
    std::array<Reducer, kRows.size()> all{};
    std::ranges::transform(kRows, all.begin(), [](const Row& row) {
      return Reducer{row.name,   row.meaning,    row.operands,    row.parameters, row.reduces_nothing,
                     row.result, row.loops.words, row.loops.start, row.loops.add,  row.loops.merge,
                     row.loops.finish};
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
