#include "transforms/axis_pattern.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "base/ascii.h"
#include "base/checked_math.h"
#include "base/spelling.h"
#include "base/text.h"

namespace brainsurgery {
namespace {

using Axis = AxisPattern::Axis;
using Dimension = AxisPattern::Dimension;

bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Parser {
 public:
  explicit Parser(FormulaText text) : pattern_{std::move(text), {}, {}}, words_(pattern_.text.text) {}

  AxisPattern run() && {
    pattern_.left = side(true);
    if (at_ == words_.size()) fail({0, at_}, "'->' is missing between the dimensions before and after");
    at_ += 2;
    pattern_.right = side(false);
    if (at_ != words_.size()) fail({at_, at_ + 2}, "'->' stands twice");
    check_names();
    return std::move(pattern_);
  }

 private:
  [[noreturn]] void fail(const TextRange& range, std::string_view message, std::vector<std::string> notes = {}) const {
    pattern_.text.fail(range, message, std::move(notes));
  }

  void skip_blanks() {
    while (at_ < words_.size() && is_blank(words_[at_])) ++at_;
  }
  [[nodiscard]] bool ahead(std::string_view word) const { return words_.substr(at_).starts_with(word); }

  std::vector<Dimension> side(bool left) {
    std::vector<Dimension> result;
    for (skip_blanks(); at_ < words_.size() && !ahead("->"); skip_blanks()) {
      if (ahead(")")) fail({at_, at_ + 1}, "')' closes nothing");
      if (ahead("(")) {
        result.push_back(group(left));
      } else {
        const Axis one = axis(left);
        result.push_back({{one}, false, one.place});
      }
    }
    return result;
  }

  Dimension group(bool left) {
    const std::size_t begin = at_++;
    Dimension result{{}, true, {}};
    for (skip_blanks(); !ahead(")"); skip_blanks()) {
      if (at_ == words_.size() || ahead("->")) fail({begin, begin + 1}, "'(' is not closed");
      if (ahead("(")) fail({at_, at_ + 1}, "parentheses within parentheses");
      result.axes.push_back(axis(left));
      if (left && result.axes.back().is_ellipsis)
        fail(result.axes.back().place, "'...' stands in parentheses on the right side only");
    }
    result.place = {begin, ++at_};
    return result;
  }

  Axis axis(bool left) {
    const std::size_t begin = at_;
    if (ahead("...")) {
      at_ += 3;
      return {"", 1, true, {begin, at_}};
    }
    while (at_ < words_.size() && is_word(words_[at_])) ++at_;
    const TextRange place{begin, at_};
    const std::string_view word = words_.substr(begin, at_ - begin);
    if (word.empty()) {
      const auto length = static_cast<std::size_t>(decode_utf8(words_.substr(begin)).length);
      fail({begin, begin + length},
           fmt::format("unexpected character '{}'", escape_for_terminal(words_.substr(begin, length))));
    }
    if (!is_digit(word.front())) return {std::string(word), 1, false, place};
    return {"", number(word, place, left), false, place};
  }

  std::int64_t number(std::string_view word, const TextRange& place, bool left) const {
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), size);
    if (error == std::errc::result_out_of_range) fail(place, fmt::format("the size {} is too large", word));
    if (end != word.data() + word.size())
      fail(place, fmt::format("'{}' is neither a name nor a number", word), {"a name begins with a letter or '_'"});
    if (size == 0) fail(place, "the size of an axis is positive");
    if (left && size != 1)
      fail(place, fmt::format("the axis of size {} needs a name on the left side, and its size in 'sizes'", word));
    return size;
  }

  void check_names() const {
    const auto left = axes_once(pattern_.left, "left"), right = axes_once(pattern_.right, "right");
    for (const auto& [name, axis] : left) {
      if (!right.contains(name)) {
        fail(axis->place, fmt::format("{} is missing on the right side, and no element is dropped", name),
             {"the steps mean and sum reduce dimensions"});
      }
    }
    if (const auto found = right.find("'...'"); found != right.end() && !left.contains(found->first))
      fail(found->second->place, "'...' is missing on the left side");
  }

  // By name, "axis 'h'" or "'...'".
  [[nodiscard]] std::map<std::string, const Axis*> axes_once(const std::vector<Dimension>& side,
                                                             std::string_view which) const {
    std::map<std::string, const Axis*> result;
    for (const Dimension& dimension : side) {
      for (const Axis& axis : dimension.axes) {
        if (axis.name.empty() && !axis.is_ellipsis) continue;
        const std::string name = axis.is_ellipsis ? "'...'" : fmt::format("axis '{}'", axis.name);
        if (!result.emplace(name, &axis).second)
          fail(axis.place, fmt::format("{} stands twice on the {} side", name, which));
      }
    }
    return result;
  }

  AxisPattern pattern_;
  std::string_view words_;
  std::size_t at_ = 0;
};

// nullopt: the plan does not say.
std::optional<std::int64_t> known_size(const Axis& axis, const std::vector<AxisSize>& sizes) {
  if (axis.name.empty()) return axis.size;
  const auto found = std::ranges::find(sizes, axis.name, &AxisSize::name);
  return found == sizes.end() ? std::nullopt : std::optional(found->size);
}

// Any number of dimensions.
bool is_ellipsis(const Dimension& dimension) { return !dimension.in_parentheses && dimension.axes[0].is_ellipsis; }

std::vector<std::string> names_of(const std::vector<Dimension>& side) {
  std::vector<std::string> names;
  for (const Dimension& dimension : side) {
    for (const Axis& axis : dimension.axes) {
      if (!axis.name.empty()) names.push_back(axis.name);
    }
  }
  return names;
}

// Takes one shape apart by the left side and puts it together by the right one.
class Arranger {
 public:
  Arranger(const AxisPattern& pattern, const std::vector<AxisSize>& sizes, const Shape& shape)
      : pattern_(pattern), sizes_(sizes), shape_(shape) {}

  Arrangement run() && {
    take_apart();
    for (const Dimension& dimension : pattern_.right) {
      const std::size_t begin = result_.repeated.size();
      for (const Axis& axis : dimension.axes) place(axis);
      const auto added = std::span(result_.repeated).subspan(begin);
      if (is_ellipsis(dimension)) {
        result_.joined.insert(result_.joined.end(), added.begin(), added.end());
      } else {
        std::int64_t size = 1;
        for (const std::int64_t each : added) size = checked_mul(size, each, "a dimension");
        result_.joined.push_back(size);
      }
    }
    return std::move(result_);
  }

 private:
  void take_apart() {
    const std::vector<Dimension>& left = pattern_.left;
    const bool open = std::ranges::any_of(left, is_ellipsis);
    const std::size_t fixed = left.size() - (open ? 1 : 0);
    if (open ? shape_.size() < fixed : shape_.size() != fixed) {
      const std::size_t end = pattern_.text.text.find("->");
      const std::size_t last = pattern_.text.text.find_last_not_of(" \t\r\n", end == 0 ? 0 : end - 1) + 1;
      pattern_.text.fail({left.empty() ? 0 : left.front().place.begin, std::min(last, end)},
                         fmt::format("the left side has {}{} dimensions, shape {} has {}", open ? "at least " : "",
                                     fixed, to_string(shape_), shape_.size()));
    }
    std::size_t dim = 0;
    for (const Dimension& dimension : left) {
      if (!is_ellipsis(dimension)) {
        split(dimension, dim++);
        continue;
      }
      ellipsis_begin_ = static_cast<int>(result_.split.size());
      ellipsis_size_ = static_cast<int>(shape_.size() - fixed);
      for (int i = 0; i < ellipsis_size_; ++i) result_.split.push_back(shape_[dim++]);
    }
  }

  // The axes of a dimension; one of them may be inferred.
  void split(const Dimension& dimension, std::size_t dim) {
    std::int64_t known = 1;
    const Axis* inferred = nullptr;
    std::vector<std::string> factors;
    for (const Axis& axis : dimension.axes) {
      if (const std::optional<std::int64_t> size = known_size(axis, sizes_)) {
        known = checked_mul(known, *size, "a dimension");
        if (!axis.name.empty()) factors.push_back(fmt::format("{} = {}", axis.name, *size));
      } else {
        inferred = &axis;
      }
    }
    const std::int64_t size = shape_[dim];
    if (inferred == nullptr ? size != known : size % known != 0) {
      const std::string why = factors.empty() ? "" : fmt::format(" ({})", fmt::join(factors, ", "));
      pattern_.text.fail(dimension.place, fmt::format("size {} of dimension {} of shape {} is not {}{}{}", size, dim,
                                                      to_string(shape_), inferred == nullptr ? "" : "divisible by ",
                                                      known, why));
    }
    for (const Axis& axis : dimension.axes) {
      if (axis.name.empty()) continue;
      places_[axis.name] = static_cast<int>(result_.split.size());
      result_.split.push_back(&axis == inferred ? size / known : *known_size(axis, sizes_));
    }
  }

  void place_from(int at) {
    result_.order.push_back(at);
    result_.spaced.push_back(result_.split[static_cast<std::size_t>(at)]);
    result_.repeated.push_back(result_.spaced.back());
  }

  void place(const Axis& axis) {
    if (axis.is_ellipsis) {
      for (int i = 0; i < ellipsis_size_; ++i) place_from(ellipsis_begin_ + i);
    } else if (const auto found = places_.find(axis.name); !axis.name.empty() && found != places_.end()) {
      place_from(found->second);
    } else {
      result_.spaced.push_back(1);
      result_.repeated.push_back(*known_size(axis, sizes_));
    }
  }

  const AxisPattern& pattern_;
  const std::vector<AxisSize>& sizes_;
  const Shape& shape_;
  Arrangement result_;
  std::map<std::string, int> places_;  // of named axes in result_.split
  int ellipsis_begin_ = 0, ellipsis_size_ = 0;
};

}  // namespace

AxisPattern parse_axis_pattern(FormulaText text) { return Parser(std::move(text)).run(); }

void check_sizes(const AxisPattern& pattern, const std::vector<AxisSize>& sizes) {
  std::vector<std::string> names = names_of(pattern.right);
  for (const AxisSize& size : sizes) {
    if (std::ranges::find(names, size.name) == names.end()) {
      throw Error(ErrorCode::plan,
                  fmt::format("{}: the pattern '{}' has no axis '{}'", size.field, pattern.text.text, size.name),
                  size.place, did_you_mean(size.name, names));
    }
    if (size.size <= 0) {
      throw Error(ErrorCode::plan, fmt::format("{}: sizes must be positive, found {}", size.field, size.size),
                  size.place);
    }
  }
  for (const Dimension& dimension : pattern.left) {
    const Axis* unknown = nullptr;
    for (const Axis& axis : dimension.axes) {
      if (axis.is_ellipsis || known_size(axis, sizes)) continue;
      if (unknown != nullptr) {
        pattern.text.fail(dimension.place, fmt::format("the sizes of '{}' and '{}' cannot both be inferred; give one of "
                                                       "them in 'sizes'",
                                                       unknown->name, axis.name));
      }
      unknown = &axis;
    }
  }
  const std::vector<std::string> left = names_of(pattern.left);
  for (const Dimension& dimension : pattern.right) {
    for (const Axis& axis : dimension.axes) {
      if (axis.is_ellipsis || known_size(axis, sizes) || std::ranges::find(left, axis.name) != left.end()) continue;
      pattern.text.fail(axis.place, fmt::format("axis '{}' is missing on the left side", axis.name),
                        {"with a size in 'sizes' the elements are repeated along it"});
    }
  }
}

Arrangement arrange(const AxisPattern& pattern, const std::vector<AxisSize>& sizes, const Shape& shape) {
  return Arranger(pattern, sizes, shape).run();
}

}  // namespace brainsurgery
