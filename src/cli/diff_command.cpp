#include "cli/diff_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/written_plan.h"

namespace brainsurgery {

CLI::App* add_diff_command(CLI::App& app, DiffArguments& arguments) {
  CLI::App* command = app.add_subcommand("diff", "Print what differs between two checkpoints; exit status 1 if anything");
  command->add_option("left", arguments.left, "The one checkpoint")->type_name("CHECKPOINT")->required();
  command->add_option("right", arguments.right, "The other one")->type_name("CHECKPOINT")->required();
  command->add_option("--match", arguments.match, "Only tensors whose names match, as in 'h.*bias'")->type_name("PATTERN");
  command->add_option("--eps", arguments.eps, "The largest difference between elements that counts as none")
      ->check(CLI::NonNegativeNumber);
  return command;
}

Outcome<RunReport> run_diff_command(const DiffArguments& arguments, Session& session) {
  const std::string pattern = arguments.match.value_or(".*");
  std::string text = fmt::format(
      "inputs: [{}, {}]\ntransforms:\n  - diff: {{left: {}, right: {}, fail: true", yaml_quoted("left::" + arguments.left),
      yaml_quoted("right::" + arguments.right), yaml_quoted("left::" + pattern), yaml_quoted("right::" + pattern));
  if (arguments.eps) text += fmt::format(", eps: {}", *arguments.eps);
  text += "}\n";
  return run_written_plan(std::make_shared<const SourceText>(SourceText{"diff", std::move(text)}), session);
}

}  // namespace brainsurgery
