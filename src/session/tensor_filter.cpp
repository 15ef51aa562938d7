#include "session/tensor_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "base/text.h"
#include "formats/inspect.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

using Filter = std::function<bool(const TensorEntry& tensor)>;

Filter by_name(const std::string& pattern) {
  return [names = name_filter(pattern), budget = MatchBudget()](const TensorEntry& tensor) mutable {
    return names.matches(tensor.name, budget);
  };
}

// Types of blocks have names of their own, which no plan knows.
Filter by_dtype(const std::string& dtype) {
  const std::optional<DType> known = dtype_from_plan(ascii_lower(dtype));
  const std::string wanted = ascii_lower(dtype);
  return [known, wanted](const TensorEntry& tensor) {
    return ascii_lower(stored_type(tensor)) == wanted ||
           (known && !tensor.stored && tensor.unreadable.empty() && tensor.desc.dtype == *known);
  };
}

// Sizes of a shape: a number, any (-1), or any number of any sizes (-2).
constexpr std::int64_t kAny = -1, kRest = -2;

std::vector<std::int64_t> shape_pattern(const std::string& text) {
  std::string_view left = trim(text);
  if (left.starts_with('[') && left.ends_with(']')) left = trim(left.substr(1, left.size() - 2));
  std::vector<std::int64_t> sizes;
  while (!left.empty()) {
    const std::size_t comma = std::min(left.find(','), left.size());
    const std::string_view item = trim(left.substr(0, comma));
    left.remove_prefix(std::min(comma + 1, left.size()));
    std::int64_t size = 0;
    const auto [end, problem] = std::from_chars(item.data(), item.data() + item.size(), size);
    const bool is_size = problem == std::errc() && end == item.data() + item.size() && size >= 0;
    if (!is_size && item != "*" && item != "...")
      throw Error(ErrorCode::plan, fmt::format("shape: '{}' has sizes, * and ... between commas, as in [*, 768]", text));
    sizes.push_back(is_size ? size : item == "*" ? kAny : kRest);
  }
  return sizes;
}

bool fits(std::span<const std::int64_t> pattern, std::span<const std::int64_t> shape) {
  if (pattern.empty()) return shape.empty();
  if (pattern.front() == kRest) {
    for (std::size_t skipped = 0; skipped <= shape.size(); ++skipped) {
      if (fits(pattern.subspan(1), shape.subspan(skipped))) return true;
    }
    return false;
  }
  const bool first = !shape.empty() && (pattern.front() == kAny || pattern.front() == shape.front());
  return first && fits(pattern.subspan(1), shape.subspan(1));
}

Filter by_shape(const std::string& shape) {
  std::vector<std::int64_t> pattern = shape_pattern(shape);
  constexpr int kMostRests = 3;  // each multiplies the ways to look
  if (std::ranges::count(pattern, kRest) > kMostRests)
    throw Error(ErrorCode::plan, fmt::format("shape: '{}' has more than {} times ...", shape, kMostRests));
  return [pattern = std::move(pattern)](const TensorEntry& tensor) { return fits(pattern, tensor.desc.shape); };
}

}  // namespace

NamePattern name_filter(const std::string& pattern) {
  const YamlPtr value = as_structure(YamlNode::untyped({}, pattern));
  const TensorRef ref = parse_tensor_ref(*value, "pattern", true);
  if (ref.alias || ref.slice)
    throw Error(ErrorCode::plan, fmt::format("pattern: '{}' must have no alias and no slice", pattern));
  return NamePattern::compile(ref, "pattern");
}

Filter tensor_filter(const InspectView& view) {
  std::vector<Filter> filters;
  if (view.match) filters.push_back(by_name(*view.match));
  if (view.dtype) filters.push_back(by_dtype(*view.dtype));
  if (view.shape) filters.push_back(by_shape(*view.shape));
  if (filters.empty()) return {};
  return [filters = std::move(filters)](const TensorEntry& tensor) {
    return std::ranges::all_of(filters, [&](const Filter& filter) { return filter(tensor); });
  };
}

}  // namespace brainsurgery
