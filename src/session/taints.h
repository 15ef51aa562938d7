// Which names may differ from what a correct plan would have: those that a step with a mistake would have touched. What
// a later step says of them may only follow from that mistake and is kept back.
#pragma once

#include <string>
#include <vector>

namespace brainsurgery {

// A set of names of one alias.
struct NameSet {
  std::string alias;
  std::string prefix;  // of the names
  bool whole = false;  // the prefix is the only name

  friend bool operator==(const NameSet&, const NameSet&) = default;
};

class Taints {
 public:
  void add(NameSet names);
  // Everything of the alias.
  void add_alias(const std::string& alias) { add({alias, "", false}); }
  [[nodiscard]] bool touch(const std::vector<NameSet>& names) const;

 private:
  std::vector<NameSet> taints_;
};

}  // namespace brainsurgery
