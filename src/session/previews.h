// What previews say of steps that were bound, and whether these are to be done.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "brainsurgery/delta.h"
#include "brainsurgery/session.h"
#include "session/step_binding.h"

namespace brainsurgery {

class Previews {
 public:
  // From now on previews ask before a step with impact is done.
  void ask(Confirm confirm) { confirm_ = std::move(confirm); }

  struct Answer {
    std::string lines;  // to print in front of what the step prints
    bool done = true;   // false: the step is to be taken back
  };
  [[nodiscard]] Answer preview(const StepBinding& step);

  // "preview session: ..." of the steps that were previewed since it was called last; empty without one.
  [[nodiscard]] std::string take_totals();

 private:
  using Touched = std::map<DeltaEntry::Kind, std::set<std::string>>;
  [[nodiscard]] static Touched touched_by(const Delta& delta);

  Confirm confirm_;
  Touched previewed_;
  bool any_ = false;
};

}  // namespace brainsurgery
