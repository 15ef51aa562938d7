#include "session/tensor_profile.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "predicates/distribution.h"
#include "session/tensor_value.h"

namespace brainsurgery {
namespace {

double double_of(const Number& number) {
  return std::visit([](const auto value) { return static_cast<double>(value); }, number);
}

template <typename Which>
double value_of(const std::vector<Number>& found, Which which) {
  return double_of(found[static_cast<std::size_t>(which)]);
}

double deviation(double squares, std::int64_t count) {
  return count > 1 ? std::sqrt(squares / static_cast<double>(count - 1)) : 0;
}

// `elements`: float64, some of them NaN or infinite.
void describe_finite(const Expr& elements, std::int64_t finite, DataSource& data, ElementSummary& summary) {
  const std::vector<Number> found = data.numbers(finite_numbers(elements));
  summary.min = value_of(found, FiniteNumber::min);
  summary.max = value_of(found, FiniteNumber::max);
  summary.mean = value_of(found, FiniteNumber::sum) / static_cast<double>(finite);
  summary.l2 = value_of(found, FiniteNumber::l2);
  const double distance = double_of(data.numbers({finite_distance(elements, *summary.mean)}).front());
  summary.std = deviation(distance * distance, finite);
}

ElementSummary summary_of(const Expr& part, DataSource& data) {
  ElementSummary summary;
  summary.count = element_count(part.shape());
  if (summary.count == 0) return summary;
  const Expr elements = cast(part, DType::F64);
  const std::vector<Number> found = data.numbers(element_numbers(elements));
  const auto whole = [&found](ElementNumber which) { return static_cast<std::int64_t>(value_of(found, which)); };
  const std::int64_t finite = whole(ElementNumber::finite);
  summary.nan = whole(ElementNumber::nan);
  summary.infinite = summary.count - finite - summary.nan;
  summary.zeros = summary.count - whole(ElementNumber::nonzero);
  if (finite == 0) return summary;
  if (finite < summary.count) {
    describe_finite(elements, finite, data, summary);
    return summary;
  }
  summary.min = value_of(found, ElementNumber::min);
  summary.max = value_of(found, ElementNumber::max);
  summary.mean = value_of(found, ElementNumber::mean);
  summary.std = deviation(value_of(found, ElementNumber::squared_deviation) * static_cast<double>(finite), finite);
  summary.l2 = value_of(found, ElementNumber::l2);
  return summary;
}

// Bins need some width, and a width that float64 can say.
std::pair<double, double> bin_range(double low, double high) {
  constexpr double kMost = std::numeric_limits<double>::max() / 2;
  low = std::clamp(low, -kMost, kMost);
  high = std::clamp(high, -kMost, kMost);
  if (low < high) return {low, high};
  const double margin = std::max(0.5, std::abs(low) / 1024);
  return {std::max(low - margin, -kMost), std::min(high + margin, kMost)};
}

std::optional<Histogram> histogram_of(const Expr& part, const ProfileQuery& query, const ElementSummary& summary,
                                      DataSource& data) {
  if (query.bins == 0 || (!query.range && !summary.min)) return std::nullopt;
  const auto [low, high] = query.range ? *query.range : bin_range(*summary.min, *summary.max);
  const std::vector<std::byte> bytes = data.values(histogram_counts(part, query.bins, low, high));
  Histogram histogram{low, high, std::vector<std::int64_t>(bytes.size() / sizeof(std::int64_t))};
  std::memcpy(histogram.counts.data(), bytes.data(), bytes.size());
  return histogram;
}

}  // namespace

TensorProfile tensor_profile(const ProfileQuery& query, const Expr& tensor, DataSource& data) {
  const Expr part = part_of(tensor, query.slice, query.alias + "::" + query.name);
  TensorProfile profile{tensor_info(query.name, part), {}, std::nullopt};
  profile.elements.count = element_count(part.shape());
  if (!profile.part.readable || !info(part.dtype()).computes) return profile;
  profile.elements = summary_of(part, data);
  profile.histogram = histogram_of(part, query, profile.elements, data);
  return profile;
}

}  // namespace brainsurgery
