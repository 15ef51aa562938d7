#include "cli/inspect_command.h"

#include <CLI/CLI.hpp>

namespace brainsurgery {

CLI::App* add_inspect_command(CLI::App& app, InspectArguments& arguments) {
  CLI::App* command = app.add_subcommand("inspect", "List the tensors of a checkpoint, a file or a directory");
  command->add_option("path", arguments.path, "The checkpoint")->type_name("CHECKPOINT")->required();
  command
      ->add_option("pattern,--match", arguments.match,
                   "Only tensors whose names match, as in 'h.*bias' or '[h, $i, attn, bias]'")
      ->type_name("PATTERN");
  command->add_option("--dtype", arguments.dtype, "Only tensors of this dtype, as bf16, F8_E4M3 or Q4_K")
      ->type_name("DTYPE");
  command
      ->add_option("--shape", arguments.shape,
                   "Only tensors of this shape, as '[*, 768]': * is any size, ... any number of them")
      ->type_name("SHAPE");
  command->add_option("--sort", arguments.sort, "By name, or by size, the largest first")
      ->check(CLI::IsMember({"name", "size"}))
      ->capture_default_str();
  CLI::Option* digest = command->add_flag("--digest", arguments.digest, "Add the SHA-256 of every tensor's bytes");
  CLI::Option* tree =
      command->add_flag("--tree", arguments.tree, "A tree by the segments of names, equal layers on one line");
  CLI::Option* totals =
      command->add_flag("--totals", arguments.totals, "Sums by dtype and by module, instead of tensors");
  tree->excludes(digest)->excludes(totals);
  totals->excludes(digest);
  return command;
}

InspectView inspect_view(const InspectArguments& arguments, std::optional<int> columns, bool color) {
  InspectView view;
  view.match = arguments.match;
  view.dtype = arguments.dtype;
  view.shape = arguments.shape;
  if (arguments.sort == "size") view.sort = InspectView::Sort::size;
  if (arguments.tree) view.layout = InspectView::Layout::tree;
  if (arguments.totals) view.layout = InspectView::Layout::totals;
  view.for_terminal = columns.has_value();
  view.columns = columns.value_or(0);
  view.color = color && columns;
  return view;
}

}  // namespace brainsurgery
