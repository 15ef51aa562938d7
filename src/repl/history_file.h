// What was typed at prompts, kept from one session to the next.
//
//   HistoryFile history(env, environment);
//   history.entries();                  // the oldest first
//   history.add("copy: from: a, to: b");
//
// The file is brainsurgery/history in the folder for state of the XDG base directory specification; an entry a line,
// line breaks as \n and backslashes doubled. Until it exists, the lines of ~/.brainsurgery_history are taken over.
// Nothing here fails: a prompt works without a history, too.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/config.h"
#include "brainsurgery/env.h"

namespace brainsurgery {

class HistoryFile {
 public:
  static constexpr std::size_t kMostEntries = 1000;

  HistoryFile(Env& env, const VariableLookup& environment);
  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }
  // Blank ones and the last one again are left out. What other sessions added meanwhile stays.
  void add(const std::string& entry);

 private:
  [[nodiscard]] std::vector<std::string> read() const;
  void write() const;

  Env& env_;
  std::string path_;  // empty: there is no place for it
  std::vector<std::string> entries_;
};

}  // namespace brainsurgery
