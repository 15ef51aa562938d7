#include "cli/convert_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/written_plan.h"

namespace brainsurgery {

CLI::App* add_convert_command(CLI::App& app, ConvertArguments& arguments) {
  CLI::App* command = app.add_subcommand("convert", "Write a checkpoint in another format, or in other pieces");
  command
      ->add_option("in", arguments.input,
                   "A file, a directory, FILE#PART for one of several state dicts, or a pattern such as 'shards/*.pt'")
      ->type_name("CHECKPOINT")
      ->required();
  command->add_option("out", arguments.output, "A file whose suffix says the format, or a directory")
      ->type_name("FILE")
      ->required();
  command->add_option("--format", arguments.format, "safetensors, torch, dcp, ... (default: as the suffix says)");
  command->add_option("--shard-size", arguments.shard, "Size of the shards of a directory, or 'none' (default: 5GB)");
  command->add_option("--tied", arguments.tied,
                      "Names that share all their bytes, in safetensors: keep writes each (default), drop only one");
  command->add_option("--layout", arguments.layout,
                      "Of safetensors files: standard (default), or aligned, to share disk blocks with the input");
  command->add_option("--carry", arguments.carry,
                      "Files beside the weights that a directory takes over: all, none, or patterns of names (repeatable)")
      ->take_all()
      ->expected(1);
  command->add_flag("!--no-auto", arguments.adjust, "Leave config.json as it is, whatever the tensors are");
  return command;
}

bool replaces_its_input(const ConvertArguments& arguments, Env& env) {
  try {
    const std::optional<FileStatus> in = env.status(arguments.input), out = env.status(arguments.output);
    return in && out && in->device == out->device && in->inode == out->inode;
  } catch (const Error&) {  // the conversion meets the same
    return false;
  }
}

PlanSource conversion_plan(const ConvertArguments& arguments) {
  std::string text =
      fmt::format("inputs: [{}]\noutput:\n  path: {}\n", yaml_quoted("model::" + arguments.input), yaml_quoted(arguments.output));
  if (arguments.format) text += fmt::format("  format: {}\n", yaml_quoted(*arguments.format));
  if (arguments.shard) text += fmt::format("  shard: {}\n", yaml_quoted(*arguments.shard));
  if (arguments.tied) text += fmt::format("  tied: {}\n", yaml_quoted(*arguments.tied));
  if (arguments.layout) text += fmt::format("  layout: {}\n", yaml_quoted(*arguments.layout));
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (arguments.carry.size() == 1 && std::ranges::all_of(arguments.carry.front(), is_letter)) {
    text += fmt::format("  carry: {}\n", yaml_quoted(arguments.carry.front()));
  } else if (!arguments.carry.empty()) {
    text += "  carry:\n";
    for (const std::string& pattern : arguments.carry) text += fmt::format("    - {}\n", yaml_quoted(pattern));
  }
  if (!arguments.adjust) text += "  auto: false\n";
  return std::make_shared<const SourceText>(SourceText{"convert", std::move(text)});
}

Outcome<RunReport> run_convert_command(const ConvertArguments& arguments, Session& session) {
  return run_written_plan(conversion_plan(arguments), session);
}

}  // namespace brainsurgery
