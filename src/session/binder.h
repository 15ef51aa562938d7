// The first pass: performs a plan's steps on names, shapes and dtypes. Headers are read, tensor data is not.
//
//   Binder binder(env, registries, events, plan);
//   binder.bind(step);  ...                      // mistakes go to the diagnostics
//   binder.workspace(), binder.effects()
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "brainsurgery/check.h"
#include "brainsurgery/checkpoint.h"
#include "brainsurgery/events.h"
#include "brainsurgery/workspace.h"
#include "session/prepared_step.h"

namespace brainsurgery {

// What has to be done with data, in plan order. Dumps, diffs and saves will be further kinds.
struct CheckEffect {
  int step = 0;
  SourceSpan span;
  CheckPtr check;
};

class Binder final : private NameScope {
 public:
  Binder(Env& env, const Registries& registries, EventSink& events, const Plan& plan, Diagnostics& diagnostics,
         bool may_recover);

  // Mistakes of the plan are reported, except those that may only follow from an earlier one or from an input that
  // cannot be read.
  void bind(const PreparedStep& step);
  // Opens the input of `alias` if there is one and it is not open yet. False: no such alias. One that cannot be opened
  // is empty from then on, and in unreadable().
  bool open(const std::string& alias);

  [[nodiscard]] const Workspace& workspace() const { return workspace_; }
  [[nodiscard]] const std::vector<CheckEffect>& effects() const { return effects_; }
  [[nodiscard]] const std::vector<Error>& unreadable() const { return unreadable_; }
  // The checkpoints that were opened, by alias.
  [[nodiscard]] const std::map<std::string, Checkpoint>& checkpoints() const { return checkpoints_; }
  // Aliases that a step wrote to; the output is one of them.
  [[nodiscard]] const std::set<std::string>& contributing() const { return contributing_; }
  [[nodiscard]] const std::set<std::string>& changed() const { return changed_; }

 private:
  [[nodiscard]] StateDict read_input(const PlanInput& input);
  void finish_publication(const std::string& directory);

  // A name that a reference leads to for one match.
  struct Resolved {
    const PreparedRef* ref;
    std::string name;
  };
  using Match = std::vector<Resolved>;  // in the order of the schema

  void bind_edit(const PreparedStep& step, const PreparedEdit& edit);
  void bind_assertion(const PreparedStep& step, const Assertion& assertion);
  [[nodiscard]] std::vector<Match> resolve(const PreparedEdit& edit);
  [[nodiscard]] std::string single_match(const PreparedRef& ref);
  void check_destinations(const std::vector<Match>& matches);
  Delta apply(const PreparedStep& step, const PreparedEdit& edit, const Match& match);
  void write(const PreparedEdit& edit, const Resolved& target, Expr value, const Match& match, Delta& delta);

  [[nodiscard]] const StateDict& names_of(const std::string& alias);
  [[nodiscard]] const Expr& expr_of(const Resolved& resolved);
  [[nodiscard]] Expr sliced(const Expr& expr, const TensorRef& ref, const std::string& label) const;
  [[nodiscard]] Region region_of(const TensorRef& ref, const Shape& shape, const std::string& label) const;
  [[nodiscard]] Error no_match(const std::string& where, const std::string& alias, const TensorRef& ref) const;
  [[nodiscard]] Error missing(const std::string& where, const TensorRef& ref, const std::string& alias,
                              const std::string& name) const;

  // Which names may differ from what a correct plan would have: those that a step with a mistake would have touched.
  struct Taint {
    std::string alias;
    std::string prefix;  // of the names
    bool whole;          // it is the name itself
    bool changes;        // false: the step leaves names, shapes and dtypes as they are

    friend bool operator==(const Taint&, const Taint&) = default;
  };
  void add_taint(Taint taint);
  [[nodiscard]] std::vector<Taint> touched_by(const PreparedEdit& edit) const;
  [[nodiscard]] bool may_follow_from_mistake(const std::vector<Taint>& touched) const;

  // NameScope, for assertions.
  [[nodiscard]] std::vector<FoundTensor> select(const TensorRef& ref) override;
  [[nodiscard]] std::vector<std::pair<FoundTensor, FoundTensor>> select_pairs(const TensorRef& pattern,
                                                                              const TensorRef& derived) override;
  [[nodiscard]] std::string describe(const TensorRef& ref) const override;
  [[nodiscard]] Error no_match(const TensorRef& ref) const override;
  void count_read(const FoundTensor& tensor) override;
  [[nodiscard]] std::string alias_of(const TensorRef& ref) const;
  [[nodiscard]] FoundTensor found(const std::string& alias, const std::string& name, const NamedTensor& tensor,
                                  const TensorRef& ref) const;

  Env& env_;
  const Registries& registries_;
  EventSink& events_;
  const Plan& plan_;
  Diagnostics& diagnostics_;
  bool may_recover_;  // whether publications that were interrupted may be finished
  Workspace workspace_;
  std::map<std::string, Checkpoint> checkpoints_;
  std::vector<Error> unreadable_;
  std::vector<CheckEffect> effects_;
  std::set<std::string> contributing_;
  std::set<std::string> changed_;
  std::vector<Taint> taints_;
  std::vector<Taint> looked_at_;       // by the assertion at hand
  bool follows_from_mistake_ = false;  // what the step at hand would report is kept back: no need to make it good
};

}  // namespace brainsurgery
