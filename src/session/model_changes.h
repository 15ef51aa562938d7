// What the step at hand changes of models' tensors. Every change is recorded in the step's delta.
#pragma once

#include <string>
#include <vector>

#include "session/plan_state.h"
#include "session/step_names.h"
#include "session/step_rows.h"

namespace brainsurgery {

class ModelChanges {
 public:
  // Everything is kept by reference.
  ModelChanges(StepBinding& step, StepNames& names, PlanState& state) : step_(step), names_(names), state_(state) {}

  // Begins a model that is not there yet.
  void begin(const std::string& alias);
  // Puts a new tensor, which must not exist, into a model that does.
  void create(const std::string& alias, const std::string& name, Expr value);
  // Puts a value under a name of a model that is there, in the place of what it was.
  void put(const std::string& alias, const std::string& name, Expr value);
  // Puts a value under the target's name, or under the part of it that a slice selects. Throws Error(plan) where they
  // do not fit.
  void write(const ResolvedName& target, Expr value, const ResolvedRow& row);
  // The names of the row that are given up.
  void remove(const ResolvedRow& row);
  // Changes names all at once, as PlanScope has it.
  void give_names(const std::string& alias, const std::vector<NameChange>& changes);

  // Counts what the row reads and writes.
  void count_uses(const ResolvedRow& row);
  // Gives the counts with these. A dry run counts nothing.
  AccessCounts count(const std::string& alias, const std::string& name, std::int64_t reads, std::int64_t writes);

  // The output may be this model.
  void contribute(const std::string& alias);
  // The same for one that was changed.
  void mark_changed(const std::string& alias);
  // Of the models in the delta; reports what the step did.
  void mark_and_announce();

 private:
  void create_result(const ResolvedName& target, Expr value, const ResolvedName& from);
  void adopt_documents(const std::string& alias, const std::string& from);
  [[nodiscard]] Expr with_part(const ResolvedName& target, const Expr& before, Expr value, const ResolvedRow& row);
  void warn_of_untying(const ResolvedName& target);
  void record_created(const std::string& alias, const std::string& name);
  void record(DeltaEntry::Kind kind, const std::string& alias, const std::string& name, const std::string& region = "");
  void set_changed(const std::string& alias);

  StepBinding& step_;
  StepNames& names_;
  PlanState& state_;
};

}  // namespace brainsurgery
