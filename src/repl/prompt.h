// The prompt: reads submissions line by line and hands them to a run.
//
//   Prompt prompt(lines, {std::cerr, show_error, print});
//   auto run = session.start(plan, [&](const std::string& question) { return prompt.confirm(question); });
//   prompt.serve(session, *run.value(), posix_env());
//   run.value()->write();
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "brainsurgery/session.h"
#include "repl/line_reader.h"

namespace brainsurgery {

class PromptWords;

class Prompt {
 public:
  struct View {
    std::ostream& err;
    std::function<void(const Error&)> fail;               // what goes wrong with a submission
    std::function<void(const std::string& text)> print;   // what words of the prompt answer: whole lines
    bool person = false;                                  // somebody reads along on `err` and is told how this works
    std::function<int()> columns = [] { return 80; };     // of the terminal
  };

  Prompt(LineReader& lines, View view) : lines_(lines), view_(std::move(view)) {}

  // Asks until the answer is one; no answer is no-go.
  [[nodiscard]] bool confirm(const std::string& question);
  // Until `exit` or the end of the input, where unfinished text is dropped. Ctrl-C drops what was being typed or done.
  // Throws Error(run) for SIGTERM and SIGHUP. `env`: for the plans that are written.
  void serve(Session& session, Run& run, Env& env);

 private:
  // The next submission; empty where it was dropped.
  [[nodiscard]] std::string read_submission(Run& run, PromptWords& words);
  void perform(const std::string& text, Run& run, PromptWords& words);
  void perform_steps(const std::string& text, Run& run);

  LineReader& lines_;
  View view_;
  bool at_end_ = false;
};

}  // namespace brainsurgery
