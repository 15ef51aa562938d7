// set, exit: how the plan goes on.
#include <fmt/format.h>

#include "commands/families.h"

namespace brainsurgery {
namespace {

struct SetSpec {
  std::optional<bool> dry_run, preview, verbose;
};

struct ExitSpec {};

// As the Python program writes them.
std::string word(const std::optional<bool>& flag) { return !flag ? "None" : *flag ? "True" : "False"; }

void set(const SetSpec& spec, PlanScope& plan) {
  PlanFlags flags = plan.flags();
  if (!spec.dry_run && !spec.preview && !spec.verbose) {
    plan.print(fmt::format("set flags: dry-run={}, preview={}, verbose={}\n", word(flags.dry_run), word(flags.preview),
                           word(flags.verbose)));
  }
  flags.dry_run = spec.dry_run.value_or(flags.dry_run);
  flags.preview = spec.preview.value_or(flags.preview);
  flags.verbose = spec.verbose.value_or(flags.verbose);
  plan.set_flags(flags);
  plan.announce(fmt::format("set: dry-run={}, preview={}, verbose={}", word(spec.dry_run), word(spec.preview),
                            word(spec.verbose)));
}

}  // namespace

void add_control(StepRegistry& registry) {
  SchemaBuilder<SetSpec> flags(
      "set",
      {"Switches dry-run, preview and verbose on or off for the steps that follow.",
       "dry-run: later steps see the effects of earlier ones until it is switched off, which undoes them; nothing is "
       "saved. preview: each step first prints which tensors it touches. verbose: each step prints its effect. "
       "Without keys: prints the flags.",
       "set: {preview: true, verbose: true}"});
  flags.flag(&SetSpec::dry_run, "dry-run").doc("Change nothing.");
  flags.flag(&SetSpec::preview, "preview").doc("Print which tensors a step touches.");
  flags.flag(&SetSpec::verbose, "verbose").doc("Print the effect of each step.");
  registry.add(make_control<SetSpec>(flags, set));

  SchemaBuilder<ExitSpec> ending(
      "exit",
      {"Ends the plan: no later step runs.",
       "Later steps are still checked for mistakes. The output is still written. At the prompt: ends it.", "exit"});
  registry.add(make_control<ExitSpec>(ending, [](const ExitSpec&, PlanScope& plan) {
    plan.announce("exit");
    plan.exit();
  }));
}

}  // namespace brainsurgery
