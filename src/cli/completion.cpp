#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>
#include <sstream>

#include "base/path_words.h"
#include "cli/command_words.h"
#include "cli/config_arguments.h"
#include "recipes/recipes.h"

namespace brainsurgery {
namespace {

using Words = std::vector<std::string>;

void keep_beginning_with(const std::string& word, Words& candidates) {
  std::erase_if(candidates, [&](const std::string& candidate) { return !candidate.starts_with(word); });
  std::ranges::sort(candidates);
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
}

bool any_file(const std::string&) { return true; }
bool no_file(const std::string&) { return false; }

void append_recipes(std::string_view prefix, Words& candidates) {
  for (const Recipe& recipe : all_recipes()) candidates.push_back(std::string(prefix).append(recipe.name));
}

Words recipe_names() {
  Words names;
  append_recipes("", names);
  return names;
}

Words plan_words(const std::string& word, const Words& before, Session& session, Env& env) {
  Words result = path_words(env, word, has_plan_suffix);
  if (word.starts_with(kRecipePrefix.substr(0, 1))) append_recipes(kRecipePrefix, result);
  Words items = before;
  std::erase(items, "-");  // standard input is the terminal
  if (items.empty()) return result;
  PlanSource plan;
  try {
    std::istringstream nothing;
    plan = PlanSource(read_config_items(items, items, env, nothing));
  } catch (const Error&) {  // its files are still offered
    return result;
  }
  const Outcome<Words> arguments = session.complete_argument(plan, word);
  if (arguments.ok()) std::ranges::copy(arguments.value(), std::back_inserter(result));
  return result;
}

// The words of a validator, "{inmemory,arena}" as CLI11 describes it.
Words choices_of(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  const std::size_t begin = name.find('{');
  const std::size_t end = name.find('}', begin == std::string::npos ? 0 : begin);
  Words result;
  if (begin == std::string::npos || end == std::string::npos) return result;
  std::istringstream list(name.substr(begin + 1, end - begin - 1));
  for (std::string word; std::getline(list, word, ',');) result.push_back(word);
  return result;
}

// `before`: the words for the arguments that stand by themselves.
Words values_of(const CLI::Option& option, const std::string& word, const Words& before, Session& session, Env& env) {
  if (Words choices = choices_of(option); !choices.empty()) return choices;
  const std::string& kind = option.get_type_name();
  const auto answer = [](Outcome<Words> outcome) { return outcome.ok() ? std::move(outcome.value()) : Words(); };
  if (kind == "PLAN") return plan_words(word, before, session, env);
  if (kind == "CHECKPOINT" || kind == "PLAN|CHECKPOINT" || kind == "FILE") return path_words(env, word, any_file);
  if (kind == "FOLDER") return path_words(env, word, no_file);
  if (kind == "RECIPE") return recipe_names();
  if (kind == "TOPIC") return answer(session.complete_topic(std::nullopt, word));
  if (kind == "PART" && !before.empty()) return answer(session.complete_topic(before.front(), word));
  return {};
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

const CLI::Option* option_named(const CLI::App& command, const std::string& word) {
  return word.starts_with('-') ? command.get_option_no_throw(word.substr(0, word.find('='))) : nullptr;
}

// Candidates of a command; `words` are behind its name.
Words of_command(const CLI::App& command, const Words& words, Session& session, Env& env) {
  const std::string& word = words.back();
  Words standing;  // no options and no values of options
  const CLI::Option* open = nullptr;
  for (const std::string& earlier : std::span(words).first(words.size() - 1)) {
    const CLI::Option* option = open == nullptr ? option_named(command, earlier) : nullptr;
    if (open == nullptr && !earlier.starts_with('-')) standing.push_back(earlier);
    open = option != nullptr && takes_value(*option) && earlier.find('=') == std::string::npos ? option : nullptr;
  }
  if (open != nullptr) return values_of(*open, word, standing, session, env);
  if (const std::size_t equals = word.find('='); word.starts_with("--") && equals != std::string::npos) {
    const CLI::Option* option = option_named(command, word);
    if (option == nullptr || !takes_value(*option)) return {};
    Words values = values_of(*option, word.substr(equals + 1), standing, session, env);
    for (std::string& value : values) value.insert(0, word.substr(0, equals + 1));
    return values;
  }
  if (word.starts_with('-')) return option_names(command);
  std::size_t place = standing.size();
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    if (place == 0 || option->get_items_expected_max() > 1) return values_of(*option, word, standing, session, env);
    --place;
  }
  return {};
}

}  // namespace

Words complete_words(const CLI::App& app, Words words, Session& session, Env& env) {
  if (words.empty()) words.emplace_back();
  const std::string word = words.back();
  Words names, result;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  // Options may stand before the command. A plan in its place means `run`, and `cli` is another name for it.
  Words standing = words;
  standing.back() = "word";  // whatever it begins with
  const auto place = static_cast<std::ptrdiff_t>(first_standing_word(standing, app));
  const bool is_first = place + 1 == std::ssize(words);
  const bool has_first = place + 1 < std::ssize(words);
  const bool is_command = has_first && std::ranges::find(names, words[place]) != names.end();
  const std::string command = is_command ? words[place] : "run";
  if (is_command || (has_first && words[place] == "cli")) words.erase(words.begin() + place);
  if (is_first) {
    result = names;
    if (place == 0) std::ranges::copy(option_names(app), std::back_inserter(result));
  }
  std::ranges::copy(of_command(*app.get_subcommand(command), words, session, env), std::back_inserter(result));
  keep_beginning_with(word, result);
  return result;
}

}  // namespace brainsurgery
