#include "cli/command_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/spelling.h"
#include "brainsurgery/session.h"
#include "cli/config_arguments.h"
#include "recipes/recipes.h"

namespace brainsurgery {
namespace {

using Words = std::vector<std::string>;

// What other programs call the commands.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kElsewhere{{{"ls", "inspect"},
                                                                                   {"list", "inspect"},
                                                                                   {"show", "inspect"},
                                                                                   {"info", "inspect"},
                                                                                   {"validate", "check"},
                                                                                   {"verify", "check"},
                                                                                   {"lint", "check"},
                                                                                   {"apply", "run"},
                                                                                   {"exec", "run"},
                                                                                   {"shell", "repl"},
                                                                                   {"prompt", "repl"},
                                                                                   {"interactive", "repl"},
                                                                                   {"open", "repl"}}};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

Words names_of(const std::vector<const CLI::App*>& commands) {
  Words names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

bool is_option(const std::string& word) { return word.size() > 1 && word.front() == '-' && word != "--"; }

std::string option_name(const std::string& word) { return word.substr(0, word.find('=')); }

const CLI::Option* find_option(const CLI::App& command, const std::string& word) {
  return command.get_option_no_throw(option_name(word));
}

bool takes_next_word(const std::string& word, const std::vector<const CLI::App*>& commands) {
  if (word.find('=') != std::string::npos) return false;
  return std::ranges::any_of(commands, [&](const CLI::App* command) {
    const CLI::Option* option = find_option(*command, word);
    return option != nullptr && option->get_items_expected_max() > 0;
  });
}

// The Python program's names for the commands.
std::string own_name(const std::string& word) {
  if (word == "cli") return "run";
  return word == "webui" || word == "webcli" ? "web" : word;
}

bool is_command(const std::string& word, const std::vector<const CLI::App*>& commands) {
  return word == kComplete ||
         std::ranges::any_of(commands, [&](const CLI::App* command) { return command->get_name() == word; });
}

// Other commands that have the option.
Words owners_of(const std::string& word, const CLI::App& app) {
  Words owners;
  for (const CLI::App* command : commands_of(app)) {
    if (find_option(*command, word) != nullptr) owners.push_back(command->get_name());
  }
  return owners;
}

}  // namespace

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::size_t first_standing_word(const Words& words, const CLI::App& app) {
  const std::vector<const CLI::App*> commands = commands_of(app);
  std::size_t at = 0;
  while (at < words.size() && is_option(words[at])) at += takes_next_word(words[at], commands) ? 2 : 1;
  return std::min(at, words.size());
}

Words with_command_first(Words words, const CLI::App& app) {
  if (find_option(app, words.front()) != nullptr) return words;  // --help, --version
  const auto place = words.begin() + static_cast<std::ptrdiff_t>(first_standing_word(words, app));
  if (place != words.end()) *place = own_name(*place);
  if (place != words.end() && is_command(*place, commands_of(app))) {
    std::rotate(words.begin(), place, place + 1);
  } else {
    words.insert(words.begin(), "run");
  }
  return words;
}

Words with_help_of_plan(Words words, const CLI::App& app) {
  const CLI::Option* help = app.get_help_ptr();
  const auto asks = [help](const std::string& word) { return is_option(word) && help->check_name(word); };
  const auto takes_plan = [&](const CLI::App* command) {
    const CLI::Option* item = command->get_option_no_throw("item");
    return command->get_name() == words.front() && item != nullptr && item->get_type_name() == "PLAN";
  };
  if (std::ranges::none_of(words, asks) || std::ranges::none_of(commands_of(app), takes_plan)) return words;
  const Words behind(words.begin() + 1, words.end());
  const std::size_t plan = first_standing_word(behind, app);
  if (plan == behind.size() || !(has_plan_suffix(behind[plan]) || is_recipe_word(behind[plan]))) return words;
  return {"help", behind[plan]};
}

std::optional<Words> unknown_command(const std::string& word, const CLI::App& app, Session& session) {
  const std::vector<const CLI::App*> commands = commands_of(app);
  if (word.find_first_of("./=-") != std::string::npos || is_recipe_word(word) || is_command(own_name(word), commands) ||
      posix_env().status(word))
    return std::nullopt;
  const auto meant = std::ranges::find(kElsewhere, word, [](const auto& entry) { return entry.first; });
  if (meant != kElsewhere.end()) return Words{fmt::format("did you mean '{}'?", meant->second)};
  if (session.help(word, std::nullopt).ok()) {
    return Words{fmt::format("'{}' is a step of plans; brainsurgery run --oly '{}: ...' runs a single one", word, word),
                 fmt::format("brainsurgery help {} describes it", word)};
  }
  Words notes = did_you_mean(word, names_of(commands));
  return notes.empty() ? std::nullopt : std::optional(std::move(notes));
}

WordProblem explain_parse_error(const CLI::ParseError& error, const CLI::App& app, const Words& words) {
  WordProblem problem{error.what(), {}};
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && !chosen.empty()) {
    const CLI::App& command = *chosen.front();
    const auto is_unknown = [&](const std::string& word) {
      return is_option(word) && find_option(command, word) == nullptr;
    };
    if (const auto unknown = std::ranges::find_if(words, is_unknown); unknown != words.end()) {
      const std::string name = option_name(*unknown);
      problem.message = fmt::format("unknown option '{}' of {}", name, command.get_name());
      const Words owners = owners_of(name, app);
      problem.notes = owners.empty()
                          ? did_you_mean("--" + name.substr(std::min(name.find_first_not_of('-'), name.size())),
                                         option_names(command))
                          : Words{fmt::format("it is an option of {}", fmt::join(owners, ", "))};
    }
  }
  problem.notes.push_back(chosen.empty()
                              ? "brainsurgery --help lists the commands and their options"
                              : fmt::format("brainsurgery {} --help lists its options", chosen.front()->get_name()));
  return problem;
}

}  // namespace brainsurgery
