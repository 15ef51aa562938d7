#include "cli/oly_command.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/config_arguments.h"

namespace brainsurgery {

CLI::App* add_oly_command(CLI::App& app, OlyArguments& arguments) {
  CLI::App* command = app.add_subcommand("oly", "Print one-line steps as YAML, or the steps of a plan as lines");
  command->add_option("line", arguments.words,
                      "Steps such as 'copy: from: a, to: b'; without any, the lines of standard input");
  command->add_flag("--reverse", arguments.reverse,
                    "Take plan files (and values for them) instead, and print each step on a line");
  command->final_callback([&arguments] {
    if (arguments.reverse && arguments.words.empty()) throw CLI::RequiredError("a plan");
  });
  return command;
}

Outcome<std::string> run_oly_command(const OlyArguments& arguments, const std::vector<std::string>& typed,
                                     Session& session, Env& env, std::istream& in) {
  if (arguments.reverse) {
    return session.plan_to_oly(PlanSource(read_config_items(arguments.words, typed, env, in)));
  }
  std::vector<std::shared_ptr<const SourceText>> texts;
  for (const ConfigItem& item : oly_items(arguments.words, typed)) texts.push_back(item.source);
  if (texts.empty()) {
    texts.push_back(std::make_shared<SourceText>(SourceText{"<stdin>", read_standard_input(in)}));
  }
  return session.oly_to_yaml(texts);
}

}  // namespace brainsurgery
