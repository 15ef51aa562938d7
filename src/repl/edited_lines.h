// Lines that somebody edits on a terminal: history, search (Ctrl-R), completion (Tab), hints. Uses libedit.
//
//   EditedLines lines(STDIN_FILENO, STDERR_FILENO, {.color = true}, &history);
//   Line line = lines.read("brainsurgery> ", &help);
//
// The terminal is taken over before the prompt is shown, so that what was typed before is not lost, and given back with
// each line. For one thread; at most one at a time.
#pragma once

#include <memory>

#include "repl/history_file.h"
#include "repl/line_reader.h"

namespace brainsurgery {

class EditedLines final : public LineReader {
 public:
  struct Look {
    bool color = false;  // hints are shown where there is colour
  };
  // Owns neither the descriptors of the terminal nor `history`, which may be nullptr.
  EditedLines(int in, int out, Look look, HistoryFile* history);
  ~EditedLines() override;
  Line read(const std::string& prompt, LineHelp* help) override;
  void remember(const std::string& text) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace brainsurgery
