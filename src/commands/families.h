// The families of steps that edit no tensors: they open and save models, look at them, and steer the plan. One function and
// one file each; all_commands.cpp calls them.
#pragma once

#include "brainsurgery/step.h"
#include "plan/plan_file.h"
#include "steps/plan_scope.h"

namespace brainsurgery {

// All of them.
void add_commands(StepRegistry& registry, const FormatNames& formats);

// What loads an input of a plan within another plan, and what saves its output.
[[nodiscard]] PlanStep load_step(const PlanInput& input);
[[nodiscard]] PlanStep save_step(const PlanOutput& output);

// The alias that a step works on: the one that it names by `key`, else the default alias, else the only one. Throws
// Error(plan).
[[nodiscard]] std::string chosen_alias(std::string_view step, std::string_view key,
                                       const std::optional<std::string>& named, const PlanScope& plan);

void add_load_save(StepRegistry& registry, const FormatNames& formats);  // load save
void add_config(StepRegistry& registry);                                 // config metadata
void add_prefixes(StepRegistry& registry);                               // prefixes
void add_renumber(StepRegistry& registry);                               // renumber
void add_dump(StepRegistry& registry);                                   // dump
void add_diff(StepRegistry& registry);                                   // diff
void add_control(StepRegistry& registry);                                // set exit
void add_execute(StepRegistry& registry, const FormatNames& formats);    // execute
void add_help(StepRegistry& registry);                                   // help

}  // namespace brainsurgery
