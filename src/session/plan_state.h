// What the steps so far made of the plan. A value: a step is taken back by putting the old one in its place.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "plan/plan_file.h"
#include "session/model.h"
#include "steps/plan_scope.h"

namespace brainsurgery {

struct PlanState {
  ModelTable models;
  std::optional<ModelTable> before_dry_run;   // what a dry run goes back to
  std::map<std::string, PlanInput> pending;   // inputs that are not open yet, by alias
  std::map<std::string, ModelContent> saved;  // by canonical path: what reading it gives from then on
  std::set<std::string> contributing;         // aliases that a step wrote to; the output is one of them
  std::set<std::string> contributing_inside;  // the same of steps of an `execute`, which only count without others
  std::set<std::string> published;            // canonical paths
  PlanFlags flags;
  bool exited = false;

  // Begins a dry run, or takes back what it did.
  void set_flags(const PlanFlags& to);
};

}  // namespace brainsurgery
