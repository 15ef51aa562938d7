// The command line: words to session calls, outcomes to text and exit codes.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "brainsurgery/cancellation.h"

namespace brainsurgery {

struct Registries;

// Results go to `out`, everything else to `err`.
struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;              // progress and colour
  bool out_is_terminal = false;              // what could steer it is escaped, in JSON too
  bool in_is_terminal = false;               // somebody answers prompts
  std::function<int()> err_columns = {};     // how wide the terminal is now
  std::function<bool()> out_is_closed = {};  // a pipe whose reader has seen enough
  std::shared_ptr<Cancellation> cancellation = nullptr;  // that signals ask for
};

// `arguments` without the program's name. Returns the exit code: 0 done, 1 an assertion failed, 2 the plan or the
// command line is wrong, 3 the run failed, 4 our bug.
[[nodiscard]] int run_command_line(std::vector<std::string> arguments, Streams streams, const Registries& registries);

}  // namespace brainsurgery
