// `brainsurgery diff A B`: the plan that only compares.
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/session.h"

namespace CLI {
class App;
}

namespace brainsurgery {

struct DiffArguments {
  std::string left, right;             // checkpoints
  std::optional<std::string> match;    // a pattern
  std::optional<double> eps;
};

// The command as part of `app`; parsing fills `arguments`, which must outlive it.
[[nodiscard]] CLI::App* add_diff_command(CLI::App& app, DiffArguments& arguments);

// Prints what differs. An Error(assertion) where something does.
[[nodiscard]] Outcome<RunReport> run_diff_command(const DiffArguments& arguments, Session& session);

}  // namespace brainsurgery
