#include "merging/order_reducers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "brainsurgery/error.h"

namespace brainsurgery::merging {
namespace {

using Use = Reducer::Use;
using Range = Reducer::Range;
using States = Reducer::States;

template <typename Word>
Word* word(const States& states, std::int64_t number) {
  return reinterpret_cast<Word*>(states.data) + number * states.stride;
}

double parameter(const Use& use) { return *use.parameters.numbers[0]; }

// Calls `visit` with the elements of a range as floats or doubles.
template <typename Visit>
void visit_elements(const Use& use, const Range& range, const Visit& visit) {
  if (use.operands.front() == DType::F64) return visit(static_cast<const double*>(range.operands[0]));
  BS_CHECK(use.operands.front() == DType::F32);
  visit(static_cast<const float*>(range.operands[0]));
}

// --- ranks: a state is the row.

DType float32(const Reducer&, const Use&) { return DType::F32; }
std::int64_t row_length(const ReducerParameters& parameters) { return static_cast<std::int64_t>(*parameters.numbers[0]); }
std::int64_t row_words(const Use& use) { return use.count; }

void start_row(const Use& use, const States& states) {
  for (std::int64_t i = 0; i < use.count; ++i) std::fill_n(word<double>(states, i), states.count, 0.0);
}

void add_row(const Use& use, const Range& range, const States& states) {
  visit_elements(use, range, [&](const auto* elements) {
    for (std::int64_t row = 0; row < range.outer; ++row) {
      for (std::int64_t i = 0; i < range.count; ++i)
        word<double>(states, range.first + i)[row] = static_cast<double>(elements[row * range.count + i]);
    }
  });
}

// Each element is 0 in one of the two.
void merge_rows(const Use& use, const States& into, const States& from) {
  for (std::int64_t i = 0; i < use.count; ++i) {
    for (std::int64_t row = 0; row < into.count; ++row) word<double>(into, i)[row] += word<double>(from, i)[row];
  }
}

void finish_ranks(const Use& use, const States& states, void* out) {
  const auto n = static_cast<std::size_t>(use.count);
  std::vector<double> row(n);
  std::vector<std::int64_t> order(n);
  for (std::int64_t at = 0; at < states.count; ++at) {
    for (std::size_t i = 0; i < n; ++i) row[i] = word<double>(states, static_cast<std::int64_t>(i))[at];
    std::iota(order.begin(), order.end(), 0);
    // NaN behind all others, so that this is an order.
    std::ranges::sort(order, [&row](std::int64_t a, std::int64_t b) {
      const double x = row[static_cast<std::size_t>(a)], y = row[static_cast<std::size_t>(b)];
      if (x < y || y < x) return x < y;
      return std::isnan(x) == std::isnan(y) ? a < b : std::isnan(y);
    });
    auto* ranks = static_cast<float*>(out) + at * use.count;
    for (std::size_t i = 0; i < n; ++i) ranks[order[i]] = static_cast<float>(i);
  }
}

Reducer ranks_row() {
  Reducer row{};
  row.name = "row_ranks";
  row.meaning = "how many elements are smaller, for each";
  row.operands = 1;
  row.parameters = {{{"count"}}};
  row.by_rows = true;
  row.result = float32;
  row.numbers = row_length;
  row.words = row_words;
  row.start = start_row;
  row.add = add_row;
  row.merge = merge_rows;
  row.finish = finish_ranks;
  row.any_order = true;
  row.makes = Reducer::Makes::floats;
  return row;
}

// --- the bound: elements from 0 on have the order of their bits. As kth_largest, but the place follows from the first
// pass, which counts what is not 0.

constexpr int kDigitBits = 16;
constexpr std::int64_t kDigits = std::int64_t{1} << kDigitBits;
constexpr std::int64_t kKnown = 0, kPrefix = 1, kRest = 2, kKept = 3, kNonzero = 3, kCounts = 4;

int width(const Use& use) { return use.operands.front() == DType::F64 ? 64 : 32; }
int digit_passes(const Use& use) { return width(use) / kDigitBits; }
DType same(const Reducer&, const Use& use) { return use.operands.front(); }
std::int64_t bound_words(const Use&) { return kCounts + kDigits; }

void start_bound(const Use&, const States& states) {
  for (std::int64_t i = 0; i < kCounts + kDigits; ++i) std::fill_n(word<std::int64_t>(states, i), states.count, 0);
}

void add_bound(const Use& use, const Range& range, const States& states) {
  visit_elements(use, range, [&]<typename T>(const T* elements) {
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    for (std::int64_t row = 0; row < range.outer; ++row) {
      const std::int64_t known = word<std::int64_t>(states, kKnown)[row] * kDigitBits;
      const auto prefix = static_cast<std::uint64_t>(word<std::int64_t>(states, kPrefix)[row]);
      for (std::int64_t i = row * range.count; i < (row + 1) * range.count; ++i) {
        const auto bits = static_cast<std::uint64_t>(std::bit_cast<Bits>(elements[i]));
        if (known != 0 && bits >> (width(use) - known) != prefix) continue;
        word<std::int64_t>(states, kNonzero)[row] += bits != 0;
        const std::uint64_t digit = bits >> (width(use) - known - kDigitBits) & (kDigits - 1);
        ++word<std::int64_t>(states, kCounts + static_cast<std::int64_t>(digit))[row];
      }
    }
  });
}

void merge_bounds(const Use&, const States& into, const States& from) {
  for (std::int64_t i = kNonzero; i < kCounts + kDigits; ++i) {
    for (std::int64_t at = 0; at < into.count; ++at) word<std::int64_t>(into, i)[at] += word<std::int64_t>(from, i)[at];
  }
}

void next_digit(const Use& use, const States& states) {
  for (std::int64_t at = 0; at < states.count; ++at) {
    const auto value = [&](std::int64_t number) -> std::int64_t& { return word<std::int64_t>(states, number)[at]; };
    if (value(kKnown) == 0) value(kRest) = static_cast<std::int64_t>(std::floor(parameter(use) * static_cast<double>(value(kNonzero))));
    std::int64_t digit = kDigits - 1;
    while (digit > 0 && value(kRest) > value(kCounts + digit)) value(kRest) -= value(kCounts + digit--);
    value(kPrefix) = value(kPrefix) << kDigitBits | digit;
    ++value(kKnown);
  }
}

void finish_bound(const Use& use, const States& states, void* out) {
  next_digit(use, states);
  for (std::int64_t at = 0; at < states.count; ++at) {
    const auto bits = static_cast<std::uint64_t>(word<std::int64_t>(states, kPrefix)[at]);
    const bool is_none = word<std::int64_t>(states, kRest)[at] == 0;
    if (width(use) == 64) {
      static_cast<double*>(out)[at] = is_none ? std::numeric_limits<double>::infinity() : std::bit_cast<double>(bits);
    } else {
      static_cast<float*>(out)[at] =
          is_none ? std::numeric_limits<float>::infinity() : std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    }
  }
}

Reducer bound_row() {
  Reducer row{};
  row.name = "bound_of_nonzero";
  row.meaning = "the element that a share of those that are not 0 reaches";
  row.operands = 1;
  row.parameters = {{{"share"}}};
  row.by_rows = true;
  row.result = same;
  row.words = bound_words;
  row.start = start_bound;
  row.add = add_bound;
  row.merge = merge_bounds;
  row.finish = finish_bound;
  row.any_order = true;
  row.passes = {digit_passes, kKept, next_digit};
  row.makes = Reducer::Makes::floats;
  return row;
}

}  // namespace

Expr row_ranks(const Expr& magnitudes) {
  static const Reducer ranks = ranks_row();
  return reduce(ranks, {magnitudes}, {1}, false, {.numbers = {static_cast<double>(magnitudes.shape()[1])}});
}

Expr bound_of_nonzero(const Expr& elements, double share) {
  static const Reducer bound = bound_row();
  return reduce(bound, {elements}, {}, false, {.numbers = {share}});
}

}  // namespace brainsurgery::merging
