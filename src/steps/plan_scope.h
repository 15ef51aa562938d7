// The plan as its steps are bound: what a step that edits no tensors sees of it and may do to it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/data_source.h"
#include "plan/plan_file.h"
#include "steps/name_scope.h"

namespace brainsurgery {

struct Catalog;

// A text that a step prints, and what else became known while it was made.
struct ReportText {
  std::string text;                        // ended by a newline unless empty
  std::string announcement;                // the line that `verbose` adds behind it; empty: none
  std::optional<std::string> failed = {};  // why the run must end with exit code 1 after the text
};

struct Report {
  std::function<ReportText(DataSource& data)> make;
  bool reads_values = false;  // asks for values or statistics
  // Those that `make` will ask about, which may be answered together with others. They live as long as it.
  std::vector<const ValueComparison*> comparisons = {};

  // false: `make` may be given a source that fails.
  [[nodiscard]] bool needs_data() const { return reads_values || !comparisons.empty(); }
};

// A file or directory to open. The path is relative to the working directory.
struct LoadRequest {
  std::string path;
  std::string alias;
  std::optional<std::string> tensor;  // under this name, from a file that holds exactly one; else the whole model
  std::vector<std::string> formats;   // that the file may be of; empty: any
};

// A file or directory to write. The path is relative to the working directory.
struct SaveRequest {
  std::string path;
  std::string alias;
  std::optional<std::string> tensor;  // this one alone
  std::optional<std::string> format, shard;
  std::optional<TiedTensors> tied;
  std::optional<FileArrangement> layout;
};

struct PlanFlags {
  bool dry_run = false;  // what steps do is undone when it is switched off; nothing is saved
  bool preview = false;  // a step first says which tensors it touches
  bool verbose = false;  // a step says what it did
};

// What a query may do: look, and print. What is printed and reported is queued in plan order, with the tensors as they
// are at this step.
class QueryScope : public NameScope {
 public:
  // The alias that references without one mean.
  [[nodiscard]] virtual std::optional<std::string> default_alias() const = 0;
  // Those that exist, opened or not, sorted.
  [[nodiscard]] virtual std::vector<std::string> aliases() const = 0;
  // Every tensor of the alias, sorted.
  [[nodiscard]] virtual std::vector<FoundTensor> tensors_of(const std::string& alias) = 0;
  // Puts the part that the slice of the reference selects in place of the whole tensor.
  virtual void take_slice(const TensorRef& ref, FoundTensor& tensor) = 0;
  // All steps and operators that there are.
  [[nodiscard]] virtual Catalog catalog() const = 0;

  virtual void print(std::string text) = 0;  // ended by a newline
  virtual void report(Report report) = 0;
  // A line that is printed if `verbose` is on.
  virtual void announce(std::string line) = 0;
};

// What a control may do: open and save models, and steer the plan.
class PlanScope : public QueryScope {
 public:
  virtual void load(const LoadRequest& request) = 0;
  virtual void save(const SaveRequest& request) = 0;

  virtual void add_alias(const std::string& alias) = 0;
  virtual void remove_alias(const std::string& alias) = 0;
  virtual void rename_alias(const std::string& from, const std::string& to) = 0;

  [[nodiscard]] virtual const PlanFlags& flags() const = 0;
  virtual void set_flags(const PlanFlags& flags) = 0;
  // No step after this one is done.
  virtual void exit() = 0;
  // Does the steps now. Without a default alias it is the only one there is.
  virtual void execute(const std::vector<PlanStep>& steps, std::optional<std::string> default_alias) = 0;
  // A file as text. Throws Error(plan) where it cannot be read.
  [[nodiscard]] virtual std::string read_text(const std::string& path) = 0;
};

}  // namespace brainsurgery
