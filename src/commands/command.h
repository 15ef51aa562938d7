// Steps that compute no tensors: they open and save models, look at them, and steer the plan. Each is a schema and a
// function that is called when the step is bound.
//
//   Command prefixes() { SchemaBuilder<PrefixesSpec> schema("prefixes", {...}); ...
//     return make_command<PrefixesSpec>(schema, [](const PrefixesSpec& spec, PlanScope& plan) {
//       plan.print(...); }); }
//
// Adding one: a function like this in a file of this folder and a line in all_commands.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/data_source.h"
#include "describe/catalog.h"
#include "plan/plan_file.h"
#include "plan/schema.h"
#include "predicates/predicate.h"

namespace brainsurgery {

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

// What `load` and `save` ask for. Paths are relative to the working directory.
struct LoadRequest {
  std::string path;
  std::string alias;
  std::optional<std::string> tensor;  // under this name, from a file that holds exactly one; else the whole model
  std::vector<std::string> formats;   // that the file may be of; empty: any
};
struct SaveRequest {
  std::string path;
  std::string alias;
  std::optional<std::string> tensor;  // this one alone
  std::optional<std::string> format, shard;
  std::optional<TiedTensors> tied;
  std::optional<FileArrangement> layout;
};

// What `set` switches.
struct PlanFlags {
  bool dry_run = false;  // what steps do is undone when it is switched off; nothing is saved
  bool preview = false;  // a step first says which tensors it touches
  bool verbose = false;  // a step says what it did
};

// The plan as its steps are bound: what such a step sees of it and may do to it. What is printed, reported and saved is
// queued in plan order, with the tensors as they are at this step.
class PlanScope : public NameScope {
 public:
  // The alias that references without one mean.
  [[nodiscard]] virtual std::optional<std::string> default_alias() const = 0;
  // Those that exist, opened or not, sorted.
  [[nodiscard]] virtual std::vector<std::string> aliases() const = 0;
  // Every tensor of the alias, sorted.
  [[nodiscard]] virtual std::vector<FoundTensor> tensors_of(const std::string& alias) = 0;

  // What the slice of the reference selects, in place of the whole tensor.
  virtual void take_slice(const TensorRef& ref, FoundTensor& tensor) = 0;

  virtual void print(std::string text) = 0;  // ended by a newline
  virtual void report(Report report) = 0;
  // A line that is printed if `verbose` is on.
  virtual void announce(std::string line) = 0;

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
  // All steps and operators that there are.
  [[nodiscard]] virtual Catalog catalog() const = 0;
  // A file as text. Throws Error(plan) where it cannot be read.
  [[nodiscard]] virtual std::string read_text(const std::string& path) = 0;
};

struct Command {
  Schema schema;
  // nullptr after mistakes, which are reported.
  std::function<std::shared_ptr<const void>(const YamlNode& payload, const DecodeContext& context)> decode;
  // Throws Error(plan) for a mistake, Error(run) for what cannot be opened.
  std::function<void(const void* spec, PlanScope& plan)> bind;
  // The alias that exists after the step; empty: none that is new.
  std::function<std::string(const void* spec, const std::optional<std::string>& default_alias)> introduces;
  // The path that the step writes to; empty: none.
  std::function<std::string(const void* spec)> writes;
  // The steps that this one stands for; empty: none. `read_text` gives a file. Throws Error(plan).
  std::function<std::vector<PlanStep>(const void* spec,
                                      const std::function<std::string(const std::string&)>& read_text)>
      steps;
  // It reads or writes files or changes aliases: a preview asks before it is done.
  bool has_impact = false;
};

template <typename Spec>
[[nodiscard]] Command make_command(const SchemaBuilder<Spec>& builder,
                                   std::function<void(const Spec&, PlanScope&)> bind) {
  Command command;
  command.schema = builder.schema();
  command.decode = [decode = builder.decoder(), name = command.schema.name](
                       const YamlNode& payload, const DecodeContext& context) -> std::shared_ptr<const void> {
    return decode(payload, context, name);
  };
  command.bind = [bind = std::move(bind)](const void* spec, PlanScope& plan) {
    bind(*static_cast<const Spec*>(spec), plan);
  };
  return command;
}

// Every such command of the program, by name.
class CommandRegistry {
 public:
  void add(Command command);
  [[nodiscard]] const Command* find(std::string_view name) const;
  [[nodiscard]] const std::vector<Command>& commands() const { return commands_; }

 private:
  std::vector<Command> commands_;
};

[[nodiscard]] CommandRegistry all_commands(const FormatNames& formats);

}  // namespace brainsurgery
