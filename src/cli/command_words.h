// Which command the words of a command line name, and what was meant where they name none.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace brainsurgery {

class Session;

inline constexpr const char* kComplete = "complete";  // a command of shells only, and in no list

// The long names of a command's options, with the dashes.
[[nodiscard]] std::vector<std::string> option_names(const CLI::App& command);

// The place of the first word that is no option and no value of one; words.size() if there is none.
[[nodiscard]] std::size_t first_standing_word(const std::vector<std::string>& words, const CLI::App& app);

// The words with the command in front: options may stand before it, and a plan in place of a command means `run`.
[[nodiscard]] std::vector<std::string> with_command_first(std::vector<std::string> words, const CLI::App& app);

// `PLAN --help` asks for what `help PLAN` prints: the words, which begin with a command, as those of `help`, or as they
// are.
[[nodiscard]] std::vector<std::string> with_help_of_plan(std::vector<std::string> words, const CLI::App& app);

// Notes for a word in the place of a command that is neither one nor a file; nullopt: it may well be a plan.
[[nodiscard]] std::optional<std::vector<std::string>> unknown_command(const std::string& word, const CLI::App& app,
                                                                      Session& session);

// What is wrong with the words, and what would help.
struct WordProblem {
  std::string message;
  std::vector<std::string> notes;
};
[[nodiscard]] WordProblem explain_parse_error(const CLI::ParseError& error, const CLI::App& app,
                                              const std::vector<std::string>& words);

}  // namespace brainsurgery
