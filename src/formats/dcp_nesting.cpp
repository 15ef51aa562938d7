#include "formats/dcp_nesting.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/json_text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

namespace {

using Key = ContainerPath::value_type;

// What is remembered of hostile names stays in proportion to their length. Paths of PyTorch have up to five keys.
constexpr std::size_t kMostKeys = 8;             // of a path whose ends are remembered
constexpr std::size_t kMostLevels = 16;          // of containers; names are not cut further down
constexpr std::size_t kLongestContainer = 1024;  // bytes of a container's name, and of a name whose ends are remembered

std::string text_of(const Key& key) {
  const auto* text = std::get_if<std::string>(&key);
  return text != nullptr ? *text : std::to_string(std::get<std::int64_t>(key));
}

std::string joined(std::span<const Key> keys) {
  std::string text;
  for (std::size_t i = 0; i < keys.size(); ++i) text += (i == 0 ? "" : ".") + text_of(keys[i]);
  return text;
}

// The keys that lead to containers which are looked at: fn(number of keys, the container's name), from outside to inside.
template <typename Fn>
void for_each_container(std::span<const Key> path, const Fn& fn) {
  std::string name;
  for (std::size_t depth = 1; depth < path.size() && depth <= kMostLevels; ++depth) {
    name += (depth == 1 ? "" : ".") + text_of(path[depth - 1]);
    if (name.size() > kLongestContainer) return;
    fn(depth, name);
  }
}

// The position in a list that the text is the key of.
std::optional<std::int64_t> position_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_plain = error == std::errc() && end == text.data() + text.size() && text == std::to_string(number);
  return is_plain && number >= 0 ? std::optional(number) : std::nullopt;
}

bool has_no_gap(const std::set<std::int64_t>& positions) {
  return positions.empty() || *positions.rbegin() + 1 == std::ssize(positions);
}

}  // namespace

DcpNesting::DcpNesting(const FileRequest& request) {
  const CheckpointExtras* extras = request.extras;
  std::vector<Leaf> leaves;
  const auto add = [&](std::string_view name, bool is_tensor) {
    const bool is_nested = extras != nullptr && extras->paths.contains(name);
    leaves.push_back({name, is_nested ? &extras->paths.find(name)->second : nullptr, is_tensor});
    names_.insert(name);
  };
  for (const StoredTensor& tensor : request.tensors) add(tensor.name, true);
  for (const StoredBytes& object : request.objects) add(object.name, false);
  inputs_[""];
  if (extras != nullptr) {
    cuts_at_dots_ = !extras->paths.empty() && !extras->has_dotted_keys;
    for (const auto& [name, path] : extras->paths) add_input(name, path);
  }
  do {
    paths_.clear();
    for (const Leaf& leaf : leaves)
      paths_.emplace(leaf.name, leaf.known != nullptr ? converted(*leaf.known) : path_of_new(leaf.name));
    count_items(leaves);
  } while (!settle_lists());
  refuse_conflicts();
}

void DcpNesting::add_input(const std::string& name, const ContainerPath& path) {
  const Keys keys = path;
  const bool has_list = std::ranges::any_of(keys, [](const Key& key) { return std::holds_alternative<std::int64_t>(key); });
  const bool remembers_ends = (has_list || !cuts_at_dots_) && keys.size() <= kMostKeys &&
                              name.size() <= kLongestContainer && joined(keys) == name;
  const auto remember_ends = [&](Container& container, std::size_t depth, std::size_t begin) {
    for (std::size_t tail = depth; remembers_ends && tail < keys.size(); ++tail) {
      // One key of this container is a key of a dict in it only by chance.
      if (tail > depth || keys.size() - tail > 1)
        container.tails.emplace(std::string_view(name).substr(begin), keys.subspan(tail));
      begin += text_of(keys[tail]).size() + 1;
    }
  };
  remember_ends(inputs_[""], 0, 0);
  for_each_container(keys, [&](std::size_t depth, const std::string& outer) {
    Container& container = inputs_[outer];
    container.path = keys.first(depth);
    if (std::holds_alternative<std::int64_t>(keys[depth])) {
      container.is_list = true;
      lists_[outer];
    }
    remember_ends(container, depth, outer.size() + 1);
  });
}

// The path with the positions of lists that became dicts as texts.
ContainerPath DcpNesting::converted(Keys path) const {
  ContainerPath result(path.begin(), path.end());
  for_each_container(path, [&](std::size_t depth, const std::string& name) {
    if (!std::holds_alternative<std::int64_t>(path[depth])) return;
    const auto list = lists_.find(name);
    if (list != lists_.end() && list->second.form == ListForm::dict) result[depth] = text_of(path[depth]);
  });
  return result;
}

// Whether a new name may stand in the container, as `rest`: nothing on the way is a value, and closed lists get no new
// position.
bool DcpNesting::may_enter(Keys container, std::string_view rest) const {
  for (std::size_t depth = 1; depth <= container.size(); ++depth) {
    const std::string name = joined(container.first(depth));
    if (names_.contains(name)) return false;
    const auto list = lists_.find(name);
    if (list == lists_.end() || list->second.form == ListForm::dict) continue;
    const auto position =
        position_of(depth < container.size() ? text_of(container[depth]) : rest.substr(0, rest.find('.')));
    if (!position) return false;
    if (list->second.form == ListForm::closed && !list->second.known.contains(*position)) return false;
  }
  return true;
}

ContainerPath DcpNesting::path_of_new(std::string_view name) const {
  std::size_t dot = name.rfind('.', kLongestContainer);
  for (; dot != std::string_view::npos && dot > 0; dot = name.rfind('.', dot - 1)) {
    const auto found = inputs_.find(name.substr(0, dot));
    const std::string_view rest = name.substr(dot + 1);
    if (found == inputs_.end() || !may_enter(found->second.path, rest)) continue;
    ContainerPath path(found->second.path.begin(), found->second.path.end());
    append_rest(path, rest, found->second);
    return converted(path);
  }
  ContainerPath path;
  append_rest(path, name, inputs_.find("")->second);
  return converted(path);
}

void DcpNesting::append_rest(ContainerPath& path, std::string_view rest, const Container& container) const {
  const std::size_t first_dot = std::min(rest.find('.'), rest.size());
  const auto position = container.is_list ? position_of(rest.substr(0, first_dot)) : std::nullopt;
  if (position) {
    path.emplace_back(*position);
    if (first_dot < rest.size()) append_pieces(path, rest.substr(first_dot + 1));
    return;
  }
  for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.', dot + 1)) {
    const auto tail = container.tails.find(rest.substr(dot + 1));
    if (tail == container.tails.end() || dot == 0) continue;
    append_pieces(path, rest.substr(0, dot));
    path.insert(path.end(), tail->second.begin(), tail->second.end());
    return;
  }
  append_pieces(path, rest);
}

// Cuts the text into keys, but not below a value, nor in a list.
void DcpNesting::append_pieces(ContainerPath& path, std::string_view text) const {
  std::string outer = joined(path);
  while (cuts_at_dots_ && path.size() < kMostLevels) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot + 1 == text.size()) break;
    outer.append(path.empty() ? "" : ".").append(text.substr(0, dot));
    const auto list = lists_.find(outer);
    if (outer.size() > kLongestContainer || names_.contains(outer) ||
        (list != lists_.end() && list->second.form != ListForm::dict))
      break;
    path.emplace_back(std::string(text.substr(0, dot)));
    text.remove_prefix(dot + 1);
  }
  path.emplace_back(std::string(text));
}

void DcpNesting::count_items(const std::vector<Leaf>& leaves) {
  for (auto& [name, list] : lists_) list = {.form = list.form};
  for (const Leaf& leaf : leaves) {
    const ContainerPath& path = paths_.find(leaf.name)->second;
    for_each_container(path, [&](std::size_t depth, const std::string& name) {
      const auto* position = std::get_if<std::int64_t>(&path[depth]);
      if (position == nullptr) return;
      List& list = lists_[name];
      (leaf.known != nullptr ? list.known : list.added).insert(*position);
      const bool is_last = depth + 1 == path.size();
      const bool holds_dict = !is_last && std::holds_alternative<std::string>(path[depth + 1]);
      list.is_traversed = list.is_traversed || holds_dict || (is_last && leaf.is_tensor);
    });
  }
  // Inner lists come behind the lists that hold them.
  for (auto at = lists_.rbegin(); at != lists_.rend(); ++at) {
    const auto& [name, list] = *at;
    const std::size_t dot = name.rfind('.');
    const auto outer = dot == std::string::npos ? lists_.end() : lists_.find(name.substr(0, dot));
    if (outer != lists_.end() && list.is_traversed) outer->second.is_traversed = true;
  }
}

// Whether every list is one that PyTorch rebuilds. Else gives others another form, and the paths have to be made again.
bool DcpNesting::settle_lists() {
  bool settled = true;
  for (auto& [name, list] : lists_) {
    if (list.form == ListForm::dict || (list.known.empty() && list.added.empty())) continue;
    std::set<std::int64_t> all = list.known;
    all.insert(list.added.begin(), list.added.end());
    if (list.is_traversed && has_no_gap(all)) continue;
    const bool can_close = list.form == ListForm::open && !list.known.empty() && has_no_gap(list.known);
    list.form = can_close && list.is_traversed ? ListForm::closed : ListForm::dict;
    settled = false;
  }
  return settled;
}

void DcpNesting::refuse_conflicts() const {
  using Named = decltype(paths_)::value_type;
  std::vector<const Named*> sorted;
  sorted.reserve(paths_.size());
  for (const Named& named : paths_) sorted.push_back(&named);
  std::ranges::sort(sorted, [](const Named* a, const Named* b) { return a->second < b->second; });
  // A path that leads through another comes right behind it, or behind such a path.
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const ContainerPath &outer = sorted[i - 1]->second, &inner = sorted[i]->second;
    if (inner.size() > outer.size() && std::equal(outer.begin(), outer.end(), inner.begin()))
      throw Error(ErrorCode::run, in_quotes(sorted[i - 1]->first) + " is the name of a container too");
  }
}

std::vector<std::string> DcpNesting::warnings() const {
  std::vector<std::string> warnings;
  for (const auto& [name, list] : lists_) {
    if (list.form != ListForm::dict) continue;
    warnings.push_back("the list " + in_quotes(name) +
                       " is written as a dict with the positions as keys: PyTorch rebuilds lists without gaps only, "
                       "and of tensors or dicts");
  }
  return warnings;
}

}  // namespace brainsurgery
