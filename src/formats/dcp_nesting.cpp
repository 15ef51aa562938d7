#include "formats/dcp_nesting.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/json_text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

namespace {

using Key = ContainerPath::value_type;

constexpr std::size_t kMostKeys = 8;  // of a path whose ends are remembered; those of PyTorch have up to five

std::string text_of(const Key& key) {
  const auto* text = std::get_if<std::string>(&key);
  return text != nullptr ? *text : std::to_string(std::get<std::int64_t>(key));
}

std::string joined(std::span<const Key> keys) {
  std::string text;
  for (std::size_t i = 0; i < keys.size(); ++i) text += (i == 0 ? "" : ".") + text_of(keys[i]);
  return text;
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
  const bool remembers_ends = (has_list || !cuts_at_dots_) && keys.size() <= kMostKeys && joined(keys) == name;
  std::string outer;
  std::size_t outer_end = 0;  // of its text, with the dot
  for (std::size_t depth = 0; depth < keys.size(); ++depth) {
    Container& container = inputs_[outer];
    container.path = keys.first(depth);
    if (depth > 0 && std::holds_alternative<std::int64_t>(keys[depth])) {
      container.is_list = true;
      lists_[outer];
    }
    std::size_t begin = outer_end;
    for (std::size_t tail = depth; remembers_ends && tail < keys.size(); ++tail) {
      // One key of this container is a key of a dict in it only by chance.
      if (tail > depth || keys.size() - tail > 1)
        container.tails.emplace(std::string_view(name).substr(begin), keys.subspan(tail));
      begin += text_of(keys[tail]).size() + 1;
    }
    outer += (depth == 0 ? "" : ".") + text_of(keys[depth]);
    outer_end = outer.size() + 1;
  }
}

// The path with the positions of lists that became dicts as texts.
ContainerPath DcpNesting::converted(Keys path) const {
  ContainerPath result(path.begin(), path.end());
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (!std::holds_alternative<std::int64_t>(path[i])) continue;
    const auto list = lists_.find(joined(path.first(i)));
    if (list != lists_.end() && list->second.form == ListForm::dict) result[i] = text_of(path[i]);
  }
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
  for (std::size_t dot = name.rfind('.'); dot != std::string_view::npos && dot > 0; dot = name.rfind('.', dot - 1)) {
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
  while (cuts_at_dots_) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot + 1 == text.size()) break;
    path.emplace_back(std::string(text.substr(0, dot)));
    const std::string outer = joined(path);
    const auto list = lists_.find(outer);
    if (names_.contains(outer) || (list != lists_.end() && list->second.form != ListForm::dict)) {
      path.pop_back();
      break;
    }
    text.remove_prefix(dot + 1);
  }
  path.emplace_back(std::string(text));
}

void DcpNesting::count_items(const std::vector<Leaf>& leaves) {
  for (auto& [name, list] : lists_) list = {.form = list.form};
  for (const Leaf& leaf : leaves) {
    const ContainerPath& path = paths_.find(leaf.name)->second;
    for (std::size_t i = 1; i < path.size(); ++i) {
      const auto* position = std::get_if<std::int64_t>(&path[i]);
      if (position == nullptr) continue;
      List& list = lists_[joined(Keys(path).first(i))];
      (leaf.known != nullptr ? list.known : list.added).insert(*position);
      const bool is_last = i + 1 == path.size();
      const bool holds_dict = !is_last && std::holds_alternative<std::string>(path[i + 1]);
      list.is_traversed = list.is_traversed || holds_dict || (is_last && leaf.is_tensor);
    }
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
  std::set<ContainerPath> containers;
  for (const auto& [name, path] : paths_) {
    for (std::size_t depth = 1; depth < path.size(); ++depth)
      containers.emplace(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth));
  }
  for (const auto& [name, path] : paths_) {
    if (containers.contains(path)) throw Error(ErrorCode::run, in_quotes(name) + " is the name of a container too");
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
