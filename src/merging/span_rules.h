// Merges whose result is a linear combination of the inputs: all that the coefficients depend on is the inner products of
// the inputs. A rule is a function of these products, and of numbers of the plan, in plain float64.
//
//   void rule(std::span<const double> given, std::span<const double> parameters, std::span<double> coefficients);
//   static const Reducer kRule = span_rule<rule>("rule", "...", {{"count"}, {"t"}});
//   Expr coefficients = apply_rule(kRule, products, {2, t});
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

// Inner products of every two of the vectors, row by row of the upper triangle with its diagonal: (0, 0), (0, 1), ...
// `axes`: those of a vector, which stay with size 1; none: the whole tensor is one.
[[nodiscard]] std::vector<Expr> inner_products(const std::vector<Expr>& vectors, const std::vector<int>& axes = {});

// Such products as a symmetric matrix.
class Gram {
 public:
  Gram(std::span<const double> triangle, std::size_t count) : triangle_(triangle), count_(count) {}
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const {
    if (i > j) std::swap(i, j);
    return triangle_[i * count_ - i * (i + 1) / 2 + j];
  }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::span<const double> triangle_;
  std::size_t count_;
};

using SpanRule = void(std::span<const double> given, std::span<const double> parameters, std::span<double> coefficients);

// The rule as a reducer of the numbers along one axis. Its first parameter is the number of coefficients.
[[nodiscard]] Reducer make_span_rule(std::string_view name, std::string_view meaning,
                                     std::array<Reducer::Parameter, kMaxParameters> parameters,
                                     void (*finish)(const Reducer::Use& use, const Reducer::States& states, void* out));

template <SpanRule* kRule>
void finish_span_rule(const Reducer::Use& use, const Reducer::States& states, void* out) {
  std::vector<double> given(static_cast<std::size_t>(use.count)), parameters;
  for (const std::optional<double>& number : use.parameters.numbers) parameters.push_back(number.value_or(0));
  std::vector<double> coefficients(static_cast<std::size_t>(parameters.front()));
  for (std::int64_t i = 0; i < states.count; ++i) {
    for (std::size_t word = 0; word < given.size(); ++word)
      std::memcpy(&given[word], states.data + 8 * (static_cast<std::int64_t>(word) * states.stride + i), 8);
    kRule(given, parameters, coefficients);
    std::memcpy(static_cast<std::byte*>(out) + i * std::ssize(coefficients) * 8, coefficients.data(), coefficients.size() * 8);
  }
}

template <SpanRule* kRule>
Reducer span_rule(std::string_view name, std::string_view meaning, std::array<Reducer::Parameter, kMaxParameters> parameters) {
  return make_span_rule(name, meaning, parameters, finish_span_rule<kRule>);
}

// The coefficients, float64: of each of the vectors that `given` speaks of, in the shape of `given`.
[[nodiscard]] std::vector<Expr> apply_rule(const Reducer& rule, const std::vector<Expr>& given,
                                           const ReducerParameters& parameters);
// Sum of c_i X_i in the dtype of the tensors. Coefficients are scalars or have shapes that are broadcast.
[[nodiscard]] Expr combination(const std::vector<Expr>& coefficients, const std::vector<Expr>& tensors);

}  // namespace brainsurgery::merging
