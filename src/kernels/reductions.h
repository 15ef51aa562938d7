// The loops of the table of reducers (brainsurgery/reducer.h). Each works for all dtypes that its row allows.
//
// Floating types are summed in double. Of a range of consecutive elements, element i goes to the sum number i %
// kSumLanes; these are then added in pairs. Nothing depends on the instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "brainsurgery/reducer.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels::reductions {

using Use = Reducer::Use;
using Range = Reducer::Range;
using States = Reducer::States;

inline constexpr int kSumLanes = 16;

// The loops of a row.
struct Loops {
  std::int64_t (*words)(const Use& use);
  void (*start)(const Use& use, const States& states);
  void (*add)(const Use& use, const Range& range, const States& states);
  void (*merge)(const Use& use, const States& into, const States& from);
  void (*finish)(const Use& use, const States& states, void* out);
  Reducer::Passes passes = {};
  bool (*settled)(const Use& use, const States& states) = nullptr;
  bool any_order = false;
};

extern const Loops kSum, kMean, kProduct, kDot;
extern const Loops kVariance, kDeviation;
extern const Loops kNorm;
extern const Loops kMinimum, kMaximum, kFirstMinimum, kFirstMaximum;
extern const Loops kCount, kAny, kAll;
extern const Loops kLargest, kMedian, kQuantile;
extern const Loops kHistogram;

// A double as an element of `dtype`, rounded once, to nearest even; integers do not come here.
void store_rounded(double value, DType dtype, void* out, std::int64_t index);

// Has `count` elements of the operand's dtype written, and converted where the result has a wider one.
template <typename Write>
void store_as_operand(const Use& use, std::int64_t count, void* out, const Write& write) {
  const DType dtype = use.operands.front();
  if (dtype == use.dtype) return write(out);
  std::vector<std::byte> elements(static_cast<std::size_t>(count * item_size(dtype)));
  write(elements.data());
  cast(dtype, elements.data(), use.dtype, out, count);
}

// Word w of all states.
template <typename T>
T* words_of(const States& states, std::int64_t w = 0) {
  static_assert(sizeof(T) == 8);
  return reinterpret_cast<T*>(states.data) + w * states.stride;
}

}  // namespace brainsurgery::kernels::reductions
