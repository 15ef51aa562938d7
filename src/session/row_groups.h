// Matches of a step that joins tensors, put together by the results that they lead to: a row for each result.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "session/step_rows.h"

namespace brainsurgery {

class RowGroups {
 public:
  // `row`: the names of a match without the member itself; members with the same belong together. `counted`: the value
  // of the capture that says which place the member has.
  void add(ResolvedRow row, std::string member, std::string counted);
  // The rows, members in numeric order. Throws Error(plan) where one is missing, or groups differ in size.
  [[nodiscard]] std::vector<ResolvedRow> take();

  // A tensor of a group.
  struct Member {
    std::string name;
    std::string counted;
    std::int64_t number = 0;  // that `counted` is
  };

 private:
  struct Group {
    ResolvedRow row;  // without the members
    std::vector<Member> members;
  };
  static void require_same_size(const Group& first, const Group& second);

  std::vector<Group> groups_;
  std::map<std::string, std::size_t> by_results_;
};

}  // namespace brainsurgery
