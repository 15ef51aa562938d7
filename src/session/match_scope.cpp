#include "session/match_scope.h"

#include <algorithm>
#include <array>

namespace brainsurgery {

namespace {

constexpr std::array<std::string_view, 5> kPlainFacts{"name", "rank", "elements", "bytes", "is_floating"};

}  // namespace

bool is_plain_fact(std::string_view fact) { return std::ranges::find(kPlainFacts, fact) != kPlainFacts.end(); }

std::optional<PlanValue> tensor_fact(std::string_view fact, const std::string& name, const Expr& tensor) {
  const TensorDesc& desc = tensor.desc();
  if (fact == "name") return PlanValue{name};
  if (fact == "dtype") return PlanValue{to_string(desc.dtype)};
  if (fact == "rank") return PlanValue{std::int64_t{std::ssize(desc.shape)}};
  if (fact == "elements") return PlanValue{element_count(desc.shape)};
  if (fact == "bytes") return PlanValue{byte_count(desc.dtype, desc.shape)};
  if (fact == "is_floating") return PlanValue{is_floating(desc.dtype)};
  if (fact != "shape") return std::nullopt;
  PlanValue::List sizes;
  for (const std::int64_t size : desc.shape) sizes.push_back({size});
  return PlanValue{std::move(sizes)};
}

std::optional<PlanValue> MatchScope::value(std::string_view name) const {
  for (const auto& [captured, place] : pattern_.named_captures()) {
    if (captured == name) return value_of_capture(captures_[place].text);
  }
  if (std::optional<PlanValue> own = variables_.value(name)) return own;
  return fact(name);
}

std::vector<std::string> MatchScope::names() const {
  std::vector<std::string> result = pattern_.capture_names();
  for (const std::string_view name : kPlainFacts) result.emplace_back(name);
  result.insert(result.end(), {"dtype", "shape"});
  const std::vector<std::string> more = variables_.names();
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

}  // namespace brainsurgery
