// slerp: along the arc between two tensors (Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985).
#include <algorithm>
#include <cmath>

#include "merging/methods/methods.h"
#include "merging/span_rules.h"

namespace brainsurgery::merging {
namespace {

// Of the tensors as they are, not of unit vectors: lengths are kept roughly.
void arc(std::span<const double> given, std::span<const double> parameters, std::span<double> coefficients) {
  constexpr double kLeastNorm = 1e-8, kCollinear = 0.9995;
  const double t = parameters[1];
  const auto norm = [](double square) {
    const double root = std::sqrt(square);
    return root <= kLeastNorm ? 1.0 : root;
  };
  const double cosine = std::clamp(given[1] / (norm(given[0]) * norm(given[2])), -1.0, 1.0);
  if (std::abs(cosine) > kCollinear) {
    coefficients[0] = 1 - t;
    coefficients[1] = t;
    return;
  }
  const double angle = std::acos(cosine);
  coefficients[0] = std::sin((1 - t) * angle) / std::sin(angle);
  coefficients[1] = std::sin(t * angle) / std::sin(angle);
}

Expr lower(const MergeInputs& inputs) {
  static const Reducer rule = span_rule<arc>("arc", "coefficients of a point of an arc", {{{"count"}, {"t"}}});
  const std::vector<Expr> ends{inputs.base, inputs.models.front()};
  return combination(apply_rule(rule, inner_products(ends), {.numbers = {2.0, inputs.shared("t")}}), ends);
}

}  // namespace

MergeMethod slerp() {
  return {.name = "slerp",
          .summary = "A point on the arc between the base, t = 0, and a model, t = 1.",
          .formula = "(sin((1 - t) a) B + sin(t a) X) / sin a, a the angle between them; the straight line where |cos a| > 0.9995",
          .source = "Shoemake 1985",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 1,
          .parameters = {{"t"}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
