// Slices as written and what they select. Grammar (language, section 4.4, and Python's basic slicing):
//
//   slice = "[" [ comp { "," comp } ] "]"        comp = int | [int] ":" [int] [ ":" [int] ] | "..."
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/numbers.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "brainsurgery/types.h"

namespace brainsurgery {
namespace {

[[noreturn]] void fail(std::string_view slice, std::string_view component, std::string_view reason) {
  throw Error(ErrorCode::plan, fmt::format("bad component '{}' in slice '{}': {}", component, slice, reason));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Python clips range bounds of any size; so do we, by saturating what exceeds int64.
std::int64_t parse_bound(std::string_view slice, std::string_view component, std::string_view number) {
  if (const auto value = parse_python_int(number)) return *value;
  const bool negative = number.starts_with('-');
  std::string_view digits = number;
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (!digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return negative ? -std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::max();
  }
  fail(slice, component, fmt::format("'{}' is not an integer", number));
}

SliceItem parse_range(std::string_view slice, std::string_view component) {
  const std::vector<std::string_view> parts = split(component, ':');
  if (parts.size() > 3) fail(slice, component, "a range has at most start:stop:step");
  SliceItem item;
  if (!parts[0].empty()) item.start = parse_bound(slice, component, parts[0]);
  if (!parts[1].empty()) item.stop = parse_bound(slice, component, parts[1]);
  if (parts.size() == 3 && !parts[2].empty()) {
    item.step = parse_bound(slice, component, parts[2]);
    if (item.step <= 0) fail(slice, component, "the step must be at least 1");
  }
  return item;
}

SliceItem parse_component(std::string_view slice, std::string_view component) {
  if (component.empty()) fail(slice, component, "it is empty");
  if (component == "...") return SliceItem{.kind = SliceItem::Kind::ellipsis, .start = {}, .stop = {}};
  if (component.find(':') != std::string_view::npos) return parse_range(slice, component);
  const auto index = parse_python_int(component);
  if (!index) fail(slice, component, "expected an integer, start:stop:step or '...'");
  return SliceItem{.kind = SliceItem::Kind::index, .index = *index, .start = {}, .stop = {}};
}

Region::Axis whole_axis(std::int64_t size) { return {0, size, 1, false}; }

Region::Axis range_axis(const SliceItem& item, std::int64_t size) {
  const auto clip = [&](std::int64_t bound) {
    return std::clamp<std::int64_t>(bound < 0 ? bound + size : bound, 0, size);
  };
  const std::int64_t start = clip(item.start.value_or(0));
  const std::int64_t stop = clip(item.stop.value_or(size));
  // (stop - start + step - 1) / step would overflow for steps near the limit.
  const std::int64_t count = stop > start ? (stop - start - 1) / item.step + 1 : 0;
  // The step between one element and none may be anything; 1 keeps products of it small.
  return {start, count, count > 1 ? item.step : 1, false};
}

Region::Axis index_axis(const Slice& slice, const SliceItem& item, const Shape& shape, std::size_t dimension) {
  const std::int64_t size = shape[dimension];
  const std::int64_t index = item.index < 0 ? item.index + size : item.index;
  if (index < 0 || index >= size) {
    throw Error(ErrorCode::plan,
                fmt::format("index {} of slice '{}' is out of range for dimension {} of size {} (shape {})", item.index,
                            slice.text, dimension, size, to_string(shape)));
  }
  return {index, 1, 1, true};
}

}  // namespace

Slice parse_slice(std::string_view text) {
  const std::string_view trimmed = trim(text);
  if (trimmed.size() < 2 || !trimmed.starts_with('[') || !trimmed.ends_with(']')) {
    throw Error(ErrorCode::plan, fmt::format("a slice must be in brackets, as in '[0, 1:3]', not '{}'", text));
  }
  Slice slice;
  slice.text = std::string(trimmed);
  const std::string_view inner = trim(trimmed.substr(1, trimmed.size() - 2));
  if (inner.empty()) return slice;
  bool has_ellipsis = false;
  for (const std::string_view component : split(inner, ',')) {
    SliceItem item = parse_component(slice.text, component);
    const bool ellipsis = item.kind == SliceItem::Kind::ellipsis;
    if (ellipsis && has_ellipsis) fail(slice.text, component, "it may occur only once");
    has_ellipsis = has_ellipsis || ellipsis;
    slice.items.push_back(std::move(item));
  }
  return slice;
}

Region select(const Slice& slice, const Shape& shape) {
  const auto is_ellipsis = [](const SliceItem& item) { return item.kind == SliceItem::Kind::ellipsis; };
  const bool has_ellipsis = std::any_of(slice.items.begin(), slice.items.end(), is_ellipsis);
  const std::size_t used = slice.items.size() - (has_ellipsis ? 1 : 0);
  if (used > shape.size()) {
    throw Error(ErrorCode::plan,
                fmt::format("slice '{}' has {} components but the tensor has {} dimension{} (shape {})", slice.text,
                            used, shape.size(), shape.size() == 1 ? "" : "s", to_string(shape)));
  }
  Region region;
  for (const SliceItem& item : slice.items) {
    const std::size_t dimension = region.axes.size();
    if (is_ellipsis(item)) {
      for (std::size_t i = 0; i < shape.size() - used; ++i) region.axes.push_back(whole_axis(shape[dimension + i]));
    } else if (item.kind == SliceItem::Kind::index) {
      region.axes.push_back(index_axis(slice, item, shape, dimension));
    } else {
      region.axes.push_back(range_axis(item, shape[dimension]));
    }
  }
  while (region.axes.size() < shape.size()) region.axes.push_back(whole_axis(shape[region.axes.size()]));
  return region;
}

std::optional<std::size_t> clipped_dimension(const Slice& slice, const Shape& shape) {
  std::size_t dimension = 0;
  for (const SliceItem& item : slice.items) {
    if (item.kind == SliceItem::Kind::ellipsis) {
      dimension += shape.size() + 1 - slice.items.size();
      continue;
    }
    const std::int64_t size = shape[dimension];
    const auto beyond = [size](std::int64_t bound) { return bound > size || bound < -size; };
    const bool is_range = item.kind == SliceItem::Kind::range;
    if (is_range && (beyond(item.start.value_or(0)) || beyond(item.stop.value_or(0)))) return dimension;
    ++dimension;
  }
  return std::nullopt;
}

Shape Region::shape() const {
  Shape shape;
  for (const Axis& axis : axes) {
    if (!axis.dropped) shape.push_back(axis.count);
  }
  return shape;
}

bool Region::is_whole(const Shape& of) const {
  if (axes.size() != of.size()) return false;
  for (std::size_t i = 0; i < of.size(); ++i) {
    const bool steps = axes[i].step != 1 && axes[i].count > 1;
    if (axes[i].dropped || axes[i].count != of[i] || steps) return false;
  }
  return true;
}

}  // namespace brainsurgery
