// Histograms of equal bins.
#include <algorithm>
#include <cmath>

#include "kernels/element.h"
#include "kernels/reductions.h"

namespace brainsurgery::kernels::reductions {
namespace {

std::int64_t bins(const Use& use) { return static_cast<std::int64_t>(*use.parameters.numbers[0]); }

void start(const Use& use, const States& states) {
  for (std::int64_t bin = 0; bin < bins(use); ++bin) std::fill_n(words_of<std::int64_t>(states, bin), states.count, 0);
}

void add(const Use& use, const Range& range, const States& states) {
  const std::int64_t last = bins(use) - 1;
  const double low = *use.parameters.numbers[1], high = *use.parameters.numbers[2];
  const double count = *use.parameters.numbers[0];
  visit_codec(use.operands.front(), [&](auto codec) {
    using Codec = decltype(codec);
    const auto* elements = static_cast<const typename Codec::Storage*>(range.operands[0]);
    for (std::int64_t row = 0; row < range.outer; ++row) {
      auto* counts = words_of<std::int64_t>(states) + row;
      for (std::int64_t i = row * range.count; i < (row + 1) * range.count; ++i) {
        const auto value = static_cast<double>(Codec::decode(elements[i]));
        if (!(value >= low && value <= high)) continue;
        const auto bin = static_cast<std::int64_t>((value - low) * count / (high - low));
        ++counts[std::min(bin, last) * states.stride];
      }
    }
  });
}

void merge(const Use& use, const States& into, const States& from) {
  for (std::int64_t bin = 0; bin < bins(use); ++bin) {
    auto* a = words_of<std::int64_t>(into, bin);
    const auto* b = words_of<std::int64_t>(from, bin);
    for (std::int64_t i = 0; i < into.count; ++i) a[i] += b[i];
  }
}

void finish(const Use& use, const States& states, void* out) {
  auto* to = static_cast<std::int64_t*>(out);
  for (std::int64_t i = 0; i < states.count; ++i) {
    for (std::int64_t bin = 0; bin < bins(use); ++bin) *to++ = words_of<std::int64_t>(states, bin)[i];
  }
}

}  // namespace

const Loops kHistogram{bins, start, add, merge, finish};

}  // namespace brainsurgery::kernels::reductions
