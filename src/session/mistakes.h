// What went wrong in the steps so far. What a later step says of names that a wrong one would have touched may only
// follow from that, and is kept back.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "brainsurgery/error.h"
#include "session/step_binding.h"
#include "session/taints.h"

namespace brainsurgery {

class Mistakes {
 public:
  // What a step threw that looked at these names. An error that is no mistake of the plan is thrown again.
  void report(const Error& error, const std::vector<NameSet>& looked_at, const StepBinding& step) const;
  // What a query or a control threw: an error of a run is a file that cannot be read.
  void report_trouble(const Error& error, const StepBinding& step);
  void add_unreadable(Error error) { unreadable_.push_back(std::move(error)); }

  // Nobody knows what these should be.
  void distrust(NameSet names) { taints_.add(std::move(names)); }
  void distrust_alias(const std::string& alias) { taints_.add_alias(alias); }
  [[nodiscard]] bool touch(const std::vector<NameSet>& names) const { return taints_.touch(names); }

  // Files that the plan needs and that cannot be read.
  [[nodiscard]] const std::vector<Error>& unreadable() const { return unreadable_; }

  // To go back to what was known before.
  struct Mark {
    Taints taints;
    std::size_t unreadable;
  };
  [[nodiscard]] Mark mark() const { return {taints_, unreadable_.size()}; }
  void rewind(Mark mark);
  [[nodiscard]] const Taints& taints() const { return taints_; }
  void put_back(Taints taints) { taints_ = std::move(taints); }

 private:
  Taints taints_;
  std::vector<Error> unreadable_;
};

}  // namespace brainsurgery
