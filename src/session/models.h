// Which models a plan has: inputs, which are opened when their names are first asked for, and what steps load and make.
// A dry run does not take back which models there are.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"
#include "session/mistakes.h"
#include "session/opened_checkpoints.h"
#include "session/plan_state.h"

namespace brainsurgery {

class Models {
 public:
  // Everything is kept by reference; `state` may be put back to an earlier value.
  Models(Env& env, const Plan& plan, OpenedCheckpoints& checkpoints, PlanState& state, Mistakes& mistakes)
      : env_(env), plan_(plan), checkpoints_(checkpoints), state_(state), mistakes_(mistakes) {}

  // Those that exist, opened or not, sorted.
  [[nodiscard]] std::vector<std::string> aliases() const;
  [[nodiscard]] bool exists(const std::string& alias) const;
  // Throw Error(plan), which begins with the name of the step that asks.
  void require_known(const std::string& alias, std::string_view step) const;
  void require_new(const std::string& alias, std::string_view step) const;

  // Opens the input of `alias` if there is one and it is not open yet. False: no such alias. One that cannot be opened
  // is empty from then on, and among what is unreadable.
  bool open(const std::string& alias);
  // The tensors; opens the input. Throws as require_known.
  [[nodiscard]] const StateDict& names(const std::string& alias, std::string_view step);
  // The names of the plan's input as they were when it was opened; nullptr: it was not.
  [[nodiscard]] const StateDict* opened_input(const std::string& alias) const;
  // What the model has beside its tensors, and the same with tensors.
  [[nodiscard]] const Model& beside(const std::string& alias) const;
  [[nodiscard]] ModelContent content(const std::string& alias, StateDict names) const;

  struct Opened {
    StateDict names;
    Model beside;
  };
  // A file or folder; what the plan saves there is read as it will be. `alias` is for the report. Throws Error(run).
  [[nodiscard]] Opened read(const std::string& alias, const std::string& path);

  // The alias must be new; one to remove or rename must exist.
  void add(const std::string& alias, const Opened& model);
  void remove(const std::string& alias);
  void rename(const std::string& from, const std::string& to);

 private:
  [[nodiscard]] Opened input(const PlanInput& input, const std::string& alias);
  template <typename Change>
  void change_tables(const Change& change);

  Env& env_;
  const Plan& plan_;
  OpenedCheckpoints& checkpoints_;
  PlanState& state_;
  Mistakes& mistakes_;
  std::map<std::string, Opened> inputs_;  // by alias; steps that are taken back do not close them
};

}  // namespace brainsurgery
