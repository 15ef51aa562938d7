#include "session/match_scope.h"

#include <algorithm>

namespace brainsurgery {

std::optional<PlanValue> MatchScope::fact(std::string_view name) const {
  const TensorDesc& desc = tensor_.desc();
  if (name == "name") return PlanValue{name_};
  if (name == "dtype") return PlanValue{to_string(desc.dtype)};
  if (name == "rank") return PlanValue{std::int64_t{std::ssize(desc.shape)}};
  if (name == "elements") return PlanValue{element_count(desc.shape)};
  if (name == "bytes") return PlanValue{byte_count(desc.dtype, desc.shape)};
  if (name == "is_floating") return PlanValue{is_floating(desc.dtype)};
  if (name != "shape") return std::nullopt;
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
  for (const char* name : {"name", "dtype", "rank", "shape", "elements", "bytes", "is_floating"})
    result.emplace_back(name);
  const std::vector<std::string> more = variables_.names();
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

}  // namespace brainsurgery
