// From a bound workspace to files: which alias is written where, in how many files, and what each consists of.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/session.h"
#include "planner/physical_plan.h"
#include "session/binder.h"

namespace brainsurgery {

struct OutputFile {
  std::string name;  // within the directory; empty for a single file
  std::unique_ptr<PhysicalPlan> plan;
};

struct BoundOutput {
  OutputReport report;
  bool directory = false;
  bool overwrite = true;
  std::vector<OutputFile> files;   // in the order in which they should appear; an index comes last
  std::int64_t peak_bytes = 0;     // of whole tensors
  std::vector<std::string> owned;  // names in an existing directory that the inputs were read from
  std::vector<std::string> warnings;
};

// Reports what is wrong with the plan's output whatever the steps do: its path, format, sharding and model.
void check_output(Env& env, const Plan& plan, const SessionOptions& options, Diagnostics& diagnostics);

// nullopt where the plan has no output. Throws Error(plan) where the alias, the format or the sharding cannot be
// decided.
[[nodiscard]] std::optional<BoundOutput> bind_output(Env& env, const Plan& plan, Binder& binder,
                                                     const SessionOptions& options);

}  // namespace brainsurgery
