// The commands that describe the plan language: help, recipes, schema, completion.
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/session.h"

namespace CLI {
class App;
}

namespace brainsurgery {

struct DescribeArguments {
  std::string topic, part;  // of help; empty: not given
  std::string action, recipe;  // of recipes; empty: not given
  std::string markdown;     // of schema: a directory; empty: print JSON
  std::string shell;        // of completion
};

// The commands as parts of `app`; parsing fills `arguments`, which must outlive it.
void add_describe_commands(CLI::App& app, DescribeArguments& arguments);

// What the one of them that was parsed prints; nullopt: none was.
[[nodiscard]] std::optional<Outcome<std::string>> run_describe_command(const CLI::App& app,
                                                                       const DescribeArguments& arguments,
                                                                       Session& session);

}  // namespace brainsurgery
