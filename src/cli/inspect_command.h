// `brainsurgery inspect CHECKPOINT`: its words and what they ask for.
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/session.h"

namespace CLI {
class App;
}

namespace brainsurgery {

struct InspectArguments {
  std::string path;
  std::optional<std::string> match, dtype, shape;
  std::string sort = "name";
  bool digest = false, tree = false, totals = false;
};

// The command without the options of views, which exclude each other with those here where there is JSON.
[[nodiscard]] CLI::App* add_inspect_command(CLI::App& app, InspectArguments& arguments);

// `columns`: of the terminal that shows it; nullopt: it is none.
[[nodiscard]] InspectView inspect_view(const InspectArguments& arguments, std::optional<int> columns, bool color);

}  // namespace brainsurgery
