// `brainsurgery oly`: steps from OLY to YAML and back.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "brainsurgery/env.h"
#include "brainsurgery/session.h"

namespace CLI {
class App;
}

namespace brainsurgery {

struct OlyArguments {
  std::vector<std::string> words;  // lines; with `reverse` plan files and values for them
  bool reverse = false;
};

// The command as part of `app`; parsing fills `arguments`, which must outlive it.
[[nodiscard]] CLI::App* add_oly_command(CLI::App& app, OlyArguments& arguments);

// What the command prints. `typed` as for read_config_items(); `in` gives the lines where there are no words. Throws
// Error(plan) for files that cannot be read.
[[nodiscard]] Outcome<std::string> run_oly_command(const OlyArguments& arguments, const std::vector<std::string>& typed,
                                                   Session& session, Env& env, std::istream& in);

}  // namespace brainsurgery
