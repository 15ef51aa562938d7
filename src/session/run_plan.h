// What the second pass does, in plan order, and what that takes. Assertions and reports that stand between two files are
// planned together: what several of them want is read once.
//
//   RunPlan plan = run_plan(effects, 0, output, options);
//   for (const RunPlan::Section& section : plan.sections) ...
//
// A function of the effects and the options alone, so that `check` and `explain` say what `run` does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "planner/value_plan.h"
#include "session/effects.h"

namespace brainsurgery {

struct RunPlan {
  // Effects [begin, end), and the files that are published when they are done.
  struct Section {
    explicit Section(const CompileOptions& options) : values(options), found(options) {}

    std::size_t begin = 0, end = 0;
    ValuePlan values;  // numbers that are made before anything is written
    ValuePlan found;   // those that are known, or made, when the files are complete: their programs find parts of them
    std::vector<Expr> shown;
    std::vector<const checks::DistinctValues*> distinct;
    const BoundOutput* files = nullptr;  // of a save, effect number `end`, or of the plan's output
  };
  std::vector<Section> sections;
};

enum class Askers : std::uint8_t { all, assertions };

// `first`: the effects before it are done. `output`: or nullptr. All files are scheduled. All must outlive the result. Numbers whose elements
// cannot be read are left out: whoever asks for them says why.
[[nodiscard]] RunPlan run_plan(const std::vector<Effect>& effects, std::size_t first, const BoundOutput* output,
                               const SessionOptions& options, Askers askers = Askers::all);

// What assertions and reports take beside the files, if all elements have to be looked at; what is read once more for the
// message of a failure not counted.
struct ValueCosts {
  std::int64_t read_bytes = 0;
  int passes = 0;                 // over elements
  std::int64_t growth_bytes = 0;  // of resident memory
};
[[nodiscard]] ValueCosts value_costs(const RunPlan& plan, const SessionOptions& options);

// The numbers of a section that the programs of its files find, with what they found: a literal for each reduction that
// they have taps for, or nothing where it is not known.
using FoundValue = std::function<std::optional<Expr>(int number)>;
[[nodiscard]] ValuePlan with_found(const RunPlan::Section& section, const SessionOptions& options,
                                   const FoundValue& value);

}  // namespace brainsurgery
