#include "plan/yaml_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace brainsurgery {
namespace {

constexpr std::size_t kMaxGap = 1000;
constexpr std::string_view kNotInKey = ".[] \t\r\n=";

YamlPtr merge_mappings(const YamlNode& base, const YamlNode& patch) {
  YamlEntries entries = base.entries();
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < base.entries().size(); ++i) places.emplace(base.entries()[i].first->text(), i);
  for (const auto& [key, value] : patch.entries()) {
    const auto found = places.find(key->text());
    if (found == places.end()) {
      entries.emplace_back(key, value);
    } else {
      YamlPtr& mine = entries[found->second].second;
      mine = merge_yaml(mine, value);
    }
  }
  return YamlNode::mapping(base.span(), std::move(entries));
}

YamlPtr merge_lists(const YamlNode& base, const YamlNode& patch) {
  YamlItems items = base.items();
  for (std::size_t i = 0; i < patch.items().size(); ++i) {
    const YamlPtr& item = patch.items()[i];
    if (i >= items.size()) {
      items.push_back(item);
    } else if (!item->is_null()) {
      items[i] = merge_yaml(items[i], item);
    }
  }
  return YamlNode::sequence(base.span(), std::move(items));
}

// Reads the part of an argument before its '='.
class PathReader {
 public:
  PathReader(const std::shared_ptr<const SourceText>& source, std::string_view key) : source_(source), key_(key) {}

  void read(Assignment& into) {
    if (key_.empty()) fail(0, "the key before '=' is empty");
    if (key_[0] == '[') fail(0, "a plan is a mapping: the path must start with a key, not with an index");
    take_key(into);
    while (position_ < key_.size()) {
      if (key_[position_] == '[') {
        take_index(into);
      } else if (key_[position_] == '.') {
        ++position_;
        take_key(into);
      } else {
        fail(position_, fmt::format("unexpected '{}'", key_[position_]));
      }
      if (into.path.size() > kMaxYamlDepth) fail(0, fmt::format("the path has more than {} steps", kMaxYamlDepth));
    }
  }

 private:
  [[noreturn]] void fail(std::size_t at, std::string_view message) const {
    throw Error(ErrorCode::plan, fmt::format("'{}': {}", source_->text, message), span(at, 1),
                {"arguments are written key.path[0]=value"});
  }

  [[nodiscard]] SourceSpan span(std::size_t at, std::size_t length) const {
    return {source_, 1, static_cast<int>(at) + 1, static_cast<int>(length)};
  }

  void add(Assignment& into, PathStep step, std::size_t start) {
    into.path.push_back(std::move(step));
    into.spans.push_back(span(start, position_ - start));
  }

  void take_key(Assignment& into) {
    const std::size_t start = position_;
    position_ = std::min(key_.find_first_of(kNotInKey, start), key_.size());
    if (position_ == start) fail(start, "a key is empty or holds a blank or a bracket");
    add(into, std::string(key_.substr(start, position_ - start)), start);
  }

  void take_index(Assignment& into) {
    const std::size_t start = position_;
    const std::size_t close = key_.find(']', start);
    std::size_t index = 0;
    const char* first = key_.data() + start + 1;
    const char* last = key_.data() + (close == std::string_view::npos ? start + 1 : close);
    const auto [end, problem] = std::from_chars(first, last, index);
    if (first == last || problem != std::errc() || end != last)
      fail(start, "an index is a number in brackets, as in [0]");
    position_ = close + 1;
    add(into, index, start);
  }

  std::shared_ptr<const SourceText> source_;
  std::string_view key_;
  std::size_t position_ = 0;
};

YamlPtr set_value(const YamlPtr& given, const Assignment& assignment, std::size_t depth) {
  if (depth == assignment.path.size()) return assignment.value;
  const YamlPtr base = given != nullptr ? as_structure(given) : nullptr;
  const SourceSpan& span = assignment.spans[depth];
  const SourceSpan whole = base != nullptr ? base->span() : span;
  if (const auto* key = std::get_if<std::string>(&assignment.path[depth])) {
    YamlEntries entries = base != nullptr ? base->entries() : YamlEntries();
    const auto found =
        std::ranges::find(entries, *key, [](const auto& entry) -> const std::string& { return entry.first->text(); });
    if (found == entries.end()) {
      entries.emplace_back(YamlNode::text(span, *key), set_value(nullptr, assignment, depth + 1));
    } else {
      found->second = set_value(found->second, assignment, depth + 1);
    }
    return YamlNode::mapping(whole, std::move(entries));
  }
  const std::size_t index = std::get<std::size_t>(assignment.path[depth]);
  YamlItems items = base != nullptr ? base->items() : YamlItems();
  if (index >= items.size()) {
    if (index - items.size() > kMaxGap) {
      throw Error(ErrorCode::plan,
                  fmt::format("'{}': index {} is far beyond the end of the list, which has {} entries",
                              to_string(assignment.path), index, items.size()),
                  span);
    }
    items.resize(index + 1, YamlNode::null(span));
  }
  items[index] = set_value(items[index], assignment, depth + 1);
  return YamlNode::sequence(whole, std::move(items));
}

}  // namespace

YamlPtr merge_yaml(const YamlPtr& given, const YamlPtr& patch) {
  const YamlPtr base = patch->is_mapping() || patch->is_sequence() ? as_structure(given) : given;
  if (base->is_mapping() && patch->is_mapping()) return merge_mappings(*base, *patch);
  if (base->is_sequence() && patch->is_sequence()) return merge_lists(*base, *patch);
  return patch;
}

Assignment parse_assignment(const std::shared_ptr<const SourceText>& argument) {
  const std::string_view text = argument->text;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    throw Error(ErrorCode::plan, fmt::format("'{}' is neither a plan file (.yaml, .yml) nor key=value", text),
                {argument, 1, 1, static_cast<int>(text.size())});
  }
  Assignment result;
  PathReader(argument, text.substr(0, equals)).read(result);
  const int length = static_cast<int>(std::max<std::size_t>(text.size() - equals - 1, 1));
  result.value =
      YamlNode::untyped({argument, 1, static_cast<int>(equals) + 2, length}, std::string(text.substr(equals + 1)));
  return result;
}

YamlPtr with_assignment(const YamlPtr& root, const Assignment& assignment) { return set_value(root, assignment, 0); }

YamlPtr with_appended(const YamlPtr& root, const std::string& key, const YamlPtr& item) {
  const YamlPtr given = root->find_ptr(key);
  const YamlPtr list = given != nullptr ? as_structure(given) : nullptr;
  YamlItems items = list != nullptr ? list->items() : YamlItems();
  if (list != nullptr && !list->is_sequence() && !list->is_null()) items.push_back(list);
  items.push_back(item);
  const SourceSpan span = list != nullptr ? list->span() : item->span();
  return with_assignment(root, {{key}, {span}, YamlNode::sequence(span, std::move(items))});
}

std::string to_string(const std::vector<PathStep>& path) {
  std::string result;
  for (const PathStep& step : path) {
    if (const auto* key = std::get_if<std::string>(&step)) {
      result += (result.empty() ? "" : ".") + *key;
    } else {
      result += fmt::format("[{}]", std::get<std::size_t>(step));
    }
  }
  return result;
}

}  // namespace brainsurgery
