// The prompt: reads submissions line by line and hands them to a run.
//
//   Prompt prompt(lines, std::cerr, show, true);
//   auto run = session.start(plan, [&](const std::string& question) { return prompt.confirm(question); });
//   prompt.serve(*run.value());
//   run.value()->write();
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "brainsurgery/session.h"
#include "repl/line_reader.h"

namespace brainsurgery {

class Prompt {
 public:
  // `show` gets what goes wrong with a submission. `person`: somebody reads along on `err` and needs to be told how
  // this works.
  Prompt(LineReader& lines, std::ostream& err, std::function<void(const Error&)> show, bool person)
      : lines_(lines), err_(err), show_(std::move(show)), person_(person) {}

  // Asks until the answer is one; no answer is no-go.
  [[nodiscard]] bool confirm(const std::string& question);
  // Until `exit` or the end of the input, where unfinished text is dropped. Ctrl-C drops what was being typed or done.
  // Throws Error(run) for SIGTERM and SIGHUP.
  void serve(Run& run);

 private:
  // The next submission; empty where it was dropped.
  [[nodiscard]] std::string read_submission(const Run& run);

  LineReader& lines_;
  std::ostream& err_;
  std::function<void(const Error&)> show_;
  bool person_;
  bool at_end_ = false;
};

}  // namespace brainsurgery
