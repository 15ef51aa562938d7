// The containers that the names of a distributed checkpoint stand in: the dicts and lists that torch.load rebuilds.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/file_layout.h"

namespace brainsurgery {

// The paths of the names of one output. A name of the input keeps its path. A new name follows the input:
//   - it enters the innermost known dict whose name it begins with, or a list that it extends without a gap;
//   - the rest is cut where the input cuts a path with the same end (with a key `layers.0.w` in the dict `model`,
//     `net.layers.0.w` is that key in a dict `net`), at every dot if no key of the input has one, and else not at all.
// Of very deep or very long names only the outer containers count: the rest of a new name is one key.
// PyTorch rebuilds a list only without gaps, and looks into it only for tensors and dicts. A list that is no longer of
// that kind becomes a dict with the positions as keys.
class DcpNesting {
 public:
  // The request must outlive the object. Throws Error(run) for a name that is both a value and a container.
  explicit DcpNesting(const FileRequest& request);

  [[nodiscard]] const ContainerPath& path_of(std::string_view name) const { return paths_.find(name)->second; }
  // Of lists that became dicts.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  using Keys = std::span<const ContainerPath::value_type>;
  struct Container {
    Keys path = {};
    bool is_list = false;
    std::map<std::string_view, Keys> tails = {};  // ends of paths that lead through it, by their text
  };
  enum class ListForm : std::uint8_t { open, closed, dict };  // closed: no new positions
  struct List {
    ListForm form = ListForm::open;
    std::set<std::int64_t> known = {}, added = {};  // positions of known and of new names
    bool is_traversed = false;                      // by PyTorch: it has a tensor, a dict or such a list
  };
  struct Leaf {
    std::string_view name;
    const ContainerPath* known;  // nullptr: the name is new
    bool is_tensor;
  };

  void add_input(const std::string& name, const ContainerPath& path);
  [[nodiscard]] ContainerPath converted(Keys path) const;
  [[nodiscard]] bool may_enter(Keys container, std::string_view rest) const;
  [[nodiscard]] ContainerPath path_of_new(std::string_view name) const;
  void append_rest(ContainerPath& path, std::string_view rest, const Container& container) const;
  void append_pieces(ContainerPath& path, std::string_view text) const;
  void count_items(const std::vector<Leaf>& leaves);
  [[nodiscard]] bool settle_lists();
  void refuse_conflicts() const;

  bool cuts_at_dots_ = false;
  std::map<std::string, Container, std::less<>> inputs_;  // by name; the root's is empty
  std::map<std::string, List, std::less<>> lists_;        // by name
  std::set<std::string_view> names_;
  std::map<std::string_view, ContainerPath> paths_;
};

}  // namespace brainsurgery
