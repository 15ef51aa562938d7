// `brainsurgery convert IN OUT`: the plan that only converts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/config.h"
#include "brainsurgery/env.h"
#include "brainsurgery/session.h"

namespace CLI {
class App;
}

namespace brainsurgery {

struct ConvertArguments {
  std::string input, output;
  std::optional<std::string> format, shard, tied, layout;  // as in a plan's `output`
  std::vector<std::string> carry;  // the same: a word, or patterns; empty: not given
  bool adjust = true;
};

// The command as part of `app`; parsing fills `arguments`, which must outlive it.
[[nodiscard]] CLI::App* add_convert_command(CLI::App& app, ConvertArguments& arguments);

// Whether input and output are one file or directory, under whatever names.
[[nodiscard]] bool replaces_its_input(const ConvertArguments& arguments, Env& env);

// One input, no steps, one output.
[[nodiscard]] PlanSource conversion_plan(const ConvertArguments& arguments);

// Runs that plan. Errors have no place in a text that nobody wrote.
[[nodiscard]] Outcome<RunReport> run_convert_command(const ConvertArguments& arguments, Session& session);

}  // namespace brainsurgery
