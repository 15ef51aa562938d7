#include "cli/describe_commands.h"

#include <CLI/CLI.hpp>

#include "cli/completion.h"
#include "recipes/recipes.h"

namespace brainsurgery {
namespace {

constexpr const char *kHelp = "help", *kRecipes = "recipes", *kSchema = "schema", *kCompletion = "completion";

std::optional<std::string> given(const std::string& word) { return word.empty() ? std::nullopt : std::optional(word); }

Outcome<std::string> write_reference(const std::string& directory, Session& session) {
  Outcome<std::vector<std::string>> paths = session.write_reference(directory);
  if (!paths.ok()) return paths.error();
  std::string text;
  for (const std::string& path : paths.value()) text += path + "\n";
  return text;
}

}  // namespace

void add_describe_commands(CLI::App& app, DescribeArguments& arguments) {
  CLI::App* help = app.add_subcommand(kHelp, "List the steps of plans, or describe one with all its keys");
  help->add_option("topic", arguments.topic, "A step; or a plan, as a file or recipe:NAME: its parameters")
      ->type_name("TOPIC");
  help->add_option("part", arguments.part, "An operator of that step")->type_name("PART");

  CLI::App* recipes = app.add_subcommand(
      kRecipes, "List the plans for common jobs that are part of the program: run recipe:NAME runs one");
  CLI::Option* action = recipes->add_option("action", arguments.action, "show: print a recipe, to read or to change")
                            ->check(CLI::IsMember({"show"}));
  CLI::Option* recipe = recipes->add_option("name", arguments.recipe, "The recipe")->type_name("RECIPE");
  action->needs(recipe);

  CLI::App* schema =
      app.add_subcommand(kSchema, "Print the JSON Schema of plans, with which editors check and complete them");
  schema->add_option("--markdown", arguments.markdown, "Write the reference manual below this folder instead")
      ->type_name("FOLDER");

  CLI::App* completion = app.add_subcommand(kCompletion, "Print a script that completes words in a shell");
  completion->add_option("shell", arguments.shell, "The shell")->required()->check(CLI::IsMember(completion_shells()));
}

std::optional<Outcome<std::string>> run_describe_command(const CLI::App& app, const DescribeArguments& arguments,
                                                         Session& session) {
  if (app.got_subcommand(kRecipes))
    return Outcome<std::string>(arguments.action.empty() ? list_of_recipes()
                                                         : std::string(find_recipe(arguments.recipe).text));
  if (app.got_subcommand(kHelp)) return session.help(given(arguments.topic), given(arguments.part));
  if (app.got_subcommand(kCompletion)) return Outcome<std::string>(std::string(completion_script(arguments.shell)));
  if (!app.got_subcommand(kSchema)) return std::nullopt;
  return arguments.markdown.empty() ? session.plan_schema() : write_reference(arguments.markdown, session);
}

}  // namespace brainsurgery
