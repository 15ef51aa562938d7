#include "merging/span_rules.h"

#include "brainsurgery/error.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

using Use = Reducer::Use;
using States = Reducer::States;

DType float64(const Reducer&, const Use& use) {
  BS_CHECK(use.operands.front() == DType::F64);
  return DType::F64;
}

std::int64_t result_count(const ReducerParameters& parameters) { return static_cast<std::int64_t>(*parameters.numbers[0]); }
// A state is the numbers themselves: there are few.
std::int64_t word_count(const Use& use) { return use.count; }

double* word(const States& states, std::int64_t number) {
  return reinterpret_cast<double*>(states.data) + number * states.stride;
}

void start(const Use& use, const States& states) {
  for (std::int64_t i = 0; i < use.count; ++i) std::fill_n(word(states, i), states.count, 0.0);
}

void add(const Use&, const Reducer::Range& range, const States& states) {
  const auto* numbers = static_cast<const double*>(range.operands[0]);
  for (std::int64_t outer = 0; outer < range.outer; ++outer) {
    for (std::int64_t i = 0; i < range.count; ++i)
      std::copy_n(numbers + (outer * range.count + i) * range.inner, range.inner, word(states, range.first + i) + outer * range.inner);
  }
}

// Each number was added to one of the two.
void merge(const Use& use, const States& into, const States& from) {
  for (std::int64_t i = 0; i < use.count; ++i) {
    for (std::int64_t state = 0; state < into.count; ++state) word(into, i)[state] += word(from, i)[state];
  }
}

// One of the numbers behind the last dimension.
Expr number_at(const Expr& numbers, std::int64_t place) {
  Region region;
  for (const std::int64_t size : numbers.shape()) region.axes.push_back({0, size, 1, false});
  region.axes.back() = {place, 1, 1, true};
  return slice(numbers, std::move(region));
}

}  // namespace

std::vector<Expr> inner_products(const std::vector<Expr>& vectors, const std::vector<int>& axes) {
  std::vector<Expr> products;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    for (std::size_t j = i; j < vectors.size(); ++j) products.push_back(dot(vectors[i], vectors[j], axes));
  }
  return products;
}

Reducer make_span_rule(std::string_view name, std::string_view meaning,
                       std::array<Reducer::Parameter, kMaxParameters> parameters,
                       void (*finish)(const Use& use, const States& states, void* out)) {
  Reducer rule{};
  rule.name = name;
  rule.meaning = meaning;
  rule.operands = 1;
  rule.parameters = parameters;
  rule.result = float64;
  rule.numbers = result_count;
  rule.words = word_count;
  rule.start = start;
  rule.add = add;
  rule.merge = merge;
  rule.finish = finish;
  rule.any_order = true;
  rule.makes = Reducer::Makes::floats;
  return rule;
}

std::vector<Expr> apply_rule(const Reducer& rule, const std::vector<Expr>& given, const ReducerParameters& parameters) {
  std::vector<Expr> columns;
  for (const Expr& number : given) {
    Shape column = given.front().shape();
    column.push_back(1);
    columns.push_back(reshape(broadcast(number, given.front().shape()), std::move(column)));
  }
  const int last = static_cast<int>(given.front().shape().size());
  const Expr all = reduce(rule, {concat(std::move(columns), last)}, {last}, false, parameters);
  std::vector<Expr> coefficients;
  for (std::int64_t i = 0; i < rule.numbers(parameters); ++i) coefficients.push_back(number_at(all, i));
  return coefficients;
}

Expr combination(const std::vector<Expr>& coefficients, const std::vector<Expr>& tensors) {
  std::vector<Expr> terms;
  for (std::size_t i = 0; i < tensors.size(); ++i) terms.push_back(cast(coefficients[i], tensors[i].dtype()) * tensors[i]);
  return sum(terms);
}

}  // namespace brainsurgery::merging
