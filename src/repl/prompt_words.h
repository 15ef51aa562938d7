// Words that are typed at a prompt and are no steps: undo, history, show NAME, ... They look at a run, steer it and
// write its plan.
//
//   PromptWords words(session, run, env, columns);
//   if (std::optional<PromptWords::Command> command = PromptWords::parse("show wte.weight")) words.perform(*command);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/completion.h"
#include "brainsurgery/session.h"
#include "repl/tensor_view.h"

namespace brainsurgery {

class PromptWords {
 public:
  struct Command {
    std::string word, argument;

    friend bool operator==(const Command&, const Command&) = default;
  };

  // `columns`: of the terminal.
  PromptWords(Session& session, Run& run, Env& env, std::function<int()> columns)
      : session_(session), run_(run), env_(env), columns_(std::move(columns)) {}

  // nullopt: the line is something else, a step or the beginning of one.
  [[nodiscard]] static std::optional<Command> parse(std::string_view line);
  // The text that answers it, lines. Throws what the run and the session report.
  [[nodiscard]] std::string perform(const Command& command);
  // Of a line that is all that was typed so far; nullopt: it is no word's.
  [[nodiscard]] std::optional<Completion> complete(const std::string& line);
  // Those that begin with `line`, each with a blank where something has to follow.
  [[nodiscard]] static std::vector<std::string> beginning_with(const std::string& line);

 private:
  struct Word;
  static const std::vector<Word>& table();
  static const Word* find(std::string_view name);

  std::string undo(const std::string& argument);
  std::string redo(const std::string& argument);
  std::string history(const std::string& argument);
  std::string plan(const std::string& argument);
  std::string write(const std::string& path);
  std::string show(const std::string& reference);
  std::vector<Number> corner_values(ValueQuery query, const Shape& shape, const CornerPart& corner);
  std::string list(const std::string& pattern);
  std::string help(const std::string& topic);

  Session& session_;
  Run& run_;
  Env& env_;
  std::function<int()> columns_;
};

}  // namespace brainsurgery
