#include "cli/convert_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string_view>

#include "base/text.h"

namespace brainsurgery {
namespace {

// `${` as text for the interpolation, which reads a backslash before it as "no expression" and pairs of them as one.
std::string without_expressions(std::string_view text) {
  std::string result;
  std::size_t backslashes = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) result.append(backslashes + 1, '\\');
    backslashes = text[i] == '\\' ? backslashes + 1 : 0;
    result += text[i];
  }
  return result;
}

// Characters that YAML refuses, or takes for line breaks.
bool is_escaped(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c >= 0xfeff; }

// A double-quoted YAML scalar. Text that is not UTF-8 stays as it is, for the reader of plans to refuse.
std::string quoted(const std::string& value) {
  const std::string plain = without_expressions(value);
  std::string_view text = plain;
  std::string result = "\"";
  const bool utf8 = is_valid_utf8(text);
  while (!text.empty()) {
    const CodePoint point = utf8 ? decode_utf8(text) : CodePoint{U' ', 1};
    const std::string_view bytes = text.substr(0, static_cast<std::size_t>(point.length));
    if (is_escaped(point.value)) {
      result += fmt::format("\\U{:08X}", static_cast<std::uint32_t>(point.value));
    } else {
      if (bytes == "\"" || bytes == "\\") result += '\\';
      result += bytes;
    }
    text.remove_prefix(bytes.size());
  }
  return result + '"';
}

}  // namespace

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
      fmt::format("inputs: [{}]\noutput:\n  path: {}\n", quoted("model::" + arguments.input), quoted(arguments.output));
  if (arguments.format) text += fmt::format("  format: {}\n", quoted(*arguments.format));
  if (arguments.shard) text += fmt::format("  shard: {}\n", quoted(*arguments.shard));
  if (arguments.tied) text += fmt::format("  tied: {}\n", quoted(*arguments.tied));
  if (arguments.layout) text += fmt::format("  layout: {}\n", quoted(*arguments.layout));
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (arguments.carry.size() == 1 && std::ranges::all_of(arguments.carry.front(), is_letter)) {
    text += fmt::format("  carry: {}\n", quoted(arguments.carry.front()));
  } else if (!arguments.carry.empty()) {
    text += "  carry:\n";
    for (const std::string& pattern : arguments.carry) text += fmt::format("    - {}\n", quoted(pattern));
  }
  if (!arguments.adjust) text += "  auto: false\n";
  return std::make_shared<const SourceText>(SourceText{"convert", std::move(text)});
}

Outcome<RunReport> run_convert_command(const ConvertArguments& arguments, Session& session) {
  Outcome<RunReport> outcome = session.run(conversion_plan(arguments));
  if (outcome.ok()) return outcome;
  std::vector<Diagnostic> diagnostics = outcome.error().diagnostics();
  for (Diagnostic& item : diagnostics) item.span = {};
  return Error(outcome.error().code(), std::move(diagnostics));
}

}  // namespace brainsurgery
