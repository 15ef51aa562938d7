// From a bound workspace to files: which alias is written where, in how many files, and what each consists of.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/format.h"
#include "brainsurgery/session.h"
#include "brainsurgery/workspace.h"
#include "plan/plan_file.h"
#include "planner/schedule.h"
#include "session/destination.h"
#include "session/model.h"

namespace brainsurgery {

class Binder;

struct OutputFile {
  std::string name;  // within the directory; empty for a single file
  std::unique_ptr<PhysicalPlan> plan;
  std::vector<Stage> stages = {};  // in which it is written
  bool is_carried = false;         // of the folder of the model, no weights
};

struct BoundOutput {
  OutputReport report;
  ModelContent content;  // what the files will hold
  bool directory = false;
  bool overwrite = true;
  std::optional<std::string> expect;  // the digest that the content must have
  std::vector<OutputFile> files;   // in the order in which they should appear; an index comes last
  std::int64_t peak_bytes = 0;     // of whole tensors; see schedule_files
  std::int64_t space_bytes = 0;    // what the files need on the disk, less what they are meant to share with the inputs
  std::int64_t growth_bytes = 0;   // of resident memory while the files are written, predicted
  std::vector<std::shared_ptr<const ReadableFile>> carried;  // what carried files are copied from
  std::vector<std::string> owned;  // names in an existing directory that the checkpoints that were read consist of
  std::vector<std::string> warnings;
  std::shared_ptr<Compiler> compiler;  // of the files, and of others of the run
  // What assertions and reports wait for, or nullptr; and by number whether it is found while the files are computed.
  std::shared_ptr<const PassingReductions> passing;
  std::vector<bool> found;

  // Whether the programs of the files find something that the number is made of.
  [[nodiscard]] bool finds_part_of(const Expr& number) const;
};

// How files are planned: those of one run share a compiler, and what several need is made once.
struct FilePlanning {
  std::shared_ptr<Compiler> compiler;
  std::shared_ptr<const PassingReductions> passing = nullptr;  // what may be found while the files are computed
};

// The files that `content` makes, without their stages. `options`: with resources. `alias` and `reason` are for the
// report. Throws Error(plan) where the format or the sharding cannot be decided, Error(run) for a target that must not be
// overwritten.
[[nodiscard]] BoundOutput bind_files(Env& env, const FormatRegistry& formats, const WriteTarget& target,
                                     const ModelContent& content, const std::string& alias, const std::string& reason,
                                     const SessionOptions& options, FilePlanning planning);

// In which stages the files of outputs are written, one output after another, and what that takes. They have one
// compiler, with which nothing else is compiled any more.
void schedule_files(const std::vector<BoundOutput*>& outputs, const SessionOptions& options);

// Reports what is wrong with the plan's output whatever the steps do: its path, format and sharding.
void check_output(Env& env, const FormatRegistry& formats, const Plan& plan, const SessionOptions& options,
                  Diagnostics& diagnostics);

// `passing`: what may be found while the output is computed, or nullptr. nullopt where the plan has no output.
// Throws as bind_files, and Error(plan) where the alias cannot be decided.
[[nodiscard]] std::optional<BoundOutput> bind_output(Env& env, const FormatRegistry& formats, const Plan& plan,
                                                     Binder& binder, const SessionOptions& options,
                                                     std::shared_ptr<const PassingReductions> passing);

}  // namespace brainsurgery
