#include "kernels/comparisons.h"

#include <algorithm>
#include <cmath>

#include "kernels/fold.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

using Use = Reducer::Use;
using Range = Reducer::Range;
using States = Reducer::States;
using reductions::words_of;

// Calls visit(state, a, b, count) for runs of elements that go into one state.
template <typename Visit>
void for_each_run(const Use& use, const Range& range, const Visit& visit) {
  const std::int64_t item = item_size(use.operands.front());
  const auto *a = static_cast<const std::byte*>(range.operands[0]), *b = static_cast<const std::byte*>(range.operands[1]);
  const std::int64_t length = range.inner == 1 ? range.count : 1;
  for (std::int64_t at = 0; at < range.outer * range.count * range.inner; at += length) {
    const std::int64_t state = at / (range.count * range.inner) * range.inner + at % range.inner;
    visit(state, a + at * item, b + at * item, length);
  }
}

// The state is how many runs of elements differ.
void add_equality(const Use& use, const Range& range, const States& states) {
  auto* differ = words_of<std::int64_t>(states);
  for_each_run(use, range, [&](std::int64_t state, const std::byte* a, const std::byte* b, std::int64_t count) {
    if (differ[state] == 0 && !all_equal(use.operands.front(), a, b, count)) differ[state] = 1;
  });
}

void start_zero(const Use&, const States& states) { std::fill_n(words_of<std::int64_t>(states), states.count, 0); }

void merge_equality(const Use&, const States& into, const States& from) {
  auto* a = words_of<std::int64_t>(into);
  const auto* b = words_of<std::int64_t>(from);
  for (std::int64_t i = 0; i < into.count; ++i) a[i] |= b[i];
}

void finish_equality(const Use&, const States& states, void* out) {
  const auto* differ = words_of<std::int64_t>(states);
  std::transform(differ, differ + states.count, static_cast<std::uint8_t*>(out),
                 [](std::int64_t some) { return static_cast<std::uint8_t>(some == 0); });
}

bool is_unequal(const Use&, const States& states) {
  const auto* differ = words_of<std::int64_t>(states);
  return std::all_of(differ, differ + states.count, [](std::int64_t some) { return some != 0; });
}

void add_difference(const Use& use, const Range& range, const States& states) {
  auto* largest = words_of<double>(states);
  for_each_run(use, range, [&](std::int64_t state, const std::byte* a, const std::byte* b, std::int64_t count) {
    largest[state] = larger_or_nan(largest[state], largest_distance(use.operands.front(), a, b, count));
  });
}

void start_difference(const Use&, const States& states) { std::fill_n(words_of<double>(states), states.count, 0.0); }

void merge_differences(const Use&, const States& into, const States& from) {
  auto* a = words_of<double>(into);
  const auto* b = words_of<double>(from);
  for (std::int64_t i = 0; i < into.count; ++i) a[i] = larger_or_nan(a[i], b[i]);
}

void finish_difference(const Use&, const States& states, void* out) {
  std::copy_n(words_of<double>(states), states.count, static_cast<double*>(out));
}

bool is_nan(const Use&, const States& states) {
  const auto* largest = words_of<double>(states);
  return std::all_of(largest, largest + states.count, [](double value) { return std::isnan(value); });
}

DType truth(const Reducer&, const Use&) { return DType::BOOL; }
DType distance(const Reducer&, const Use&) { return DType::F64; }

}  // namespace

const Reducer& equality() {
  static const Reducer row{.name = "equal to",
                           .meaning = "whether all elements of a are equal to those of b",
                           .operands = 2,
                           .parameters = {},
                           .reduces_nothing = true,
                           .by_rows = false,
                           .result = truth,
                           .numbers = nullptr,
                           .words = reductions::one_word,
                           .start = start_zero,
                           .add = add_equality,
                           .merge = merge_equality,
                           .finish = finish_equality,
                           .any_order = true,
                           .settled = is_unequal,
                           .passes = {},
                           .makes = Reducer::Makes::truth};
  return row;
}

const Reducer& largest_difference() {
  static const Reducer row{.name = "largest difference",
                           .meaning = "the largest |a - b|",
                           .operands = 2,
                           .parameters = {},
                           .reduces_nothing = true,
                           .by_rows = false,
                           .result = distance,
                           .numbers = nullptr,
                           .words = reductions::one_word,
                           .start = start_difference,
                           .add = add_difference,
                           .merge = merge_differences,
                           .finish = finish_difference,
                           .any_order = true,
                           .settled = is_nan,
                           .passes = {},
                           .makes = Reducer::Makes::numbers};
  return row;
}

}  // namespace brainsurgery::kernels
