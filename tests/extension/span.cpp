// span: the distance between the smallest and the largest element, as a function of formulas and in an assertion.
#include <brainsurgery/error.h>
#include <brainsurgery/expr.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "extension.h"

namespace surgeon {
namespace {

using namespace brainsurgery;
using Use = Reducer::Use;
using States = Reducer::States;

DType same_float(const Reducer&, const Use& use) {
  if (use.operands[0] != DType::F32 && use.operands[0] != DType::F64)
    throw Error(ErrorCode::plan, "span is defined for float32 and float64, not for " + to_string(use.operands[0]));
  return use.operands[0];
}

// A state is two doubles: the smallest and the largest element so far.
double& word(const States& states, std::int64_t number, std::int64_t state) {
  return *reinterpret_cast<double*>(states.data + 8 * (number * states.stride + state));
}

std::int64_t two_words(const Use&) { return 2; }

void start(const Use&, const States& states) {
  for (std::int64_t i = 0; i < states.count; ++i) {
    word(states, 0, i) = std::numeric_limits<double>::infinity();
    word(states, 1, i) = -std::numeric_limits<double>::infinity();
  }
}

template <typename T>
void add_range(const Reducer::Range& range, const States& states) {
  const T* element = static_cast<const T*>(range.operands[0]);
  for (std::int64_t o = 0; o < range.outer; ++o) {
    for (std::int64_t k = 0; k < range.count; ++k) {
      for (std::int64_t i = 0; i < range.inner; ++i, ++element) {
        double& low = word(states, 0, o * range.inner + i);
        double& high = word(states, 1, o * range.inner + i);
        low = std::min(low, static_cast<double>(*element));
        high = std::max(high, static_cast<double>(*element));
      }
    }
  }
}

void add(const Use& use, const Reducer::Range& range, const States& states) {
  use.operands[0] == DType::F64 ? add_range<double>(range, states) : add_range<float>(range, states);
}

void merge(const Use&, const States& into, const States& from) {
  for (std::int64_t i = 0; i < into.count; ++i) {
    word(into, 0, i) = std::min(word(into, 0, i), word(from, 0, i));
    word(into, 1, i) = std::max(word(into, 1, i), word(from, 1, i));
  }
}

void finish(const Use& use, const States& states, void* out) {
  for (std::int64_t i = 0; i < states.count; ++i) {
    const double span = word(states, 1, i) - word(states, 0, i);
    if (use.dtype == DType::F64) {
      static_cast<double*>(out)[i] = span;
    } else {
      static_cast<float*>(out)[i] = static_cast<float>(span);
    }
  }
}

struct SpanSpec {
  TensorRef of;
  double is = 0;
};

CheckPtr span_check(const FoundTensor& tensor, double most) {
  return make_check(checks::Measured{
      {reduce(kSpan, {cast(tensor.expr, DType::F64)})},
      [label = tensor.label(), most](std::span<const Number> values, const Measure&) {
        const double span = std::get<double>(values[0]);
        return Verdict{span <= most, label + " spans " + std::to_string(span)};
      }});
}

}  // namespace

const Reducer kSpan{.name = "span",
                    .meaning = "the largest element less the smallest",
                    .operands = 1,
                    .parameters = {},
                    .reduces_nothing = false,
                    .by_rows = false,
                    .result = same_float,
                    .numbers = nullptr,
                    .words = two_words,
                    .start = start,
                    .add = add,
                    .merge = merge,
                    .finish = finish,
                    .any_order = true,
                    .settled = nullptr,
                    .passes = {},
                    .makes = Reducer::Makes::floats};

Predicate spans_at_most() {
  SchemaBuilder<SpanSpec> schema("spans_at_most", {"The elements of every match lie close together.", "",
                                                   "assert: {spans_at_most: {of: 'wte.weight', is: 10}}"});
  schema.reference(&SpanSpec::of, "of", roles::source()).doc("The reference.");
  schema.field(&SpanSpec::is, "is").require().doc("The largest distance between two elements that holds.");
  return make_predicate<SpanSpec>(schema, [](const SpanSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, true,
                           [&](const FoundTensor& tensor) { return span_check(tensor, spec.is); });
  });
}

}  // namespace surgeon
