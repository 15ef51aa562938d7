// karcher: the mean on the sphere, found by iteration (arXiv 2603.04972).
#include <cmath>
#include <vector>

#include "merging/methods/methods.h"
#include "merging/span_rules.h"

namespace brainsurgery::merging {
namespace {

// Vectors as combinations of the unit vectors of the inputs, whose inner products are known.
class UnitSpan {
 public:
  UnitSpan(const Gram& gram, const std::vector<double>& norms) : gram_(gram), norms_(norms) {}

  [[nodiscard]] double with_unit(const std::vector<double>& a, std::size_t unit) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] == 0 ? 0 : a[i] * gram_(i, unit) / (norms_[i] * norms_[unit]);
    return sum;
  }
  [[nodiscard]] double norm(const std::vector<double>& a) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] == 0 ? 0 : a[i] * with_unit(a, i);
    return std::sqrt(std::max(sum, 0.0));
  }
  [[nodiscard]] std::vector<double> normalised(std::vector<double> a) const {
    const double length = norm(a);
    for (double& part : a) part /= length;
    return a;
  }

 private:
  const Gram& gram_;
  const std::vector<double>& norms_;
};

// The mean of the logarithms of the unit vectors at `mean`.
std::vector<double> mean_tangent(const UnitSpan& span, const std::vector<double>& mean, const std::vector<double>& shares,
                                 double tolerance) {
  std::vector<double> tangent(mean.size());
  for (std::size_t i = 0; i < mean.size(); ++i) {
    if (shares[i] == 0) continue;
    const double cosine = std::clamp(span.with_unit(mean, i), -1.0, 1.0), angle = std::acos(cosine);
    if (angle < tolerance) continue;
    const double factor = shares[i] * angle / std::sin(angle);
    tangent[i] += factor;
    for (std::size_t j = 0; j < mean.size(); ++j) tangent[j] -= factor * cosine * mean[j];
  }
  return tangent;
}

void spherical_mean(std::span<const double> given, std::span<const double> parameters, std::span<double> coefficients) {
  const std::size_t n = coefficients.size();
  const double most_steps = parameters[1], tolerance = parameters[2];
  const Gram gram(given, n);
  std::vector<double> norms, shares(n);
  for (std::size_t i = 0; i < n; ++i) norms.push_back(std::sqrt(gram(i, i)));
  const auto counts = [&](double norm) { return norm > tolerance; };
  const auto counted = static_cast<double>(std::ranges::count_if(norms, counts));
  std::ranges::fill(coefficients, 0.0);
  if (counted == 0) return;
  double length = 0;
  for (std::size_t i = 0; i < n; ++i) {
    shares[i] = counts(norms[i]) ? 1 / counted : 0;
    length += shares[i] * norms[i];
  }
  const UnitSpan span(gram, norms);
  std::vector<double> mean = shares;
  if (span.norm(mean) < tolerance) {
    std::ranges::fill(mean, 0.0);
    mean[static_cast<std::size_t>(std::ranges::find_if(norms, counts) - norms.begin())] = 1;
  }
  mean = span.normalised(std::move(mean));
  for (double step = 0; step < most_steps; ++step) {
    const std::vector<double> tangent = mean_tangent(span, mean, shares, tolerance);
    const double size = span.norm(tangent);
    if (size < tolerance) break;
    for (std::size_t i = 0; i < n; ++i) mean[i] = std::cos(size) * mean[i] + std::sin(size) / size * tangent[i];
    mean = span.normalised(std::move(mean));
  }
  for (std::size_t i = 0; i < n; ++i) coefficients[i] = shares[i] == 0 ? 0 : length * mean[i] / norms[i];
}

Expr lower(const MergeInputs& inputs) {
  static const Reducer rule = span_rule<spherical_mean>("spherical_mean", "coefficients of the mean on the sphere",
                                                        {{{"count"}, {"max_iter"}, {"tol"}}});
  const auto count = static_cast<double>(inputs.models.size());
  const ReducerParameters parameters{.numbers = {count, inputs.shared("max_iter"), inputs.shared("tol")}};
  return combination(apply_rule(rule, inner_products(inputs.models), parameters), inputs.models);
}

}  // namespace

MergeMethod karcher() {
  return {.name = "karcher",
          .summary = "The Riemannian mean of the models' directions on the sphere, with their mean length.",
          .formula = "m sum |X_i| / n, m where the mean of the logarithms of X_i / |X_i| at m is 0",
          .source = "arXiv 2603.04972",
          .base = MergeMethod::Base::none,
          .least = 1,
          .most = 0,
          .parameters = {{"max_iter", 10}, {"tol", 1e-5}},
          .lower = lower,
          .wide_in_mergekit = true};
}

}  // namespace brainsurgery::merging
