// Words of the command line to the items of a plan: `plan.yaml more.yml output.path=x`.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "brainsurgery/config.h"
#include "brainsurgery/env.h"

namespace brainsurgery {

// The item that stands for the plan on standard input.
inline const std::string kStandardInput = "-";

// Whether a word that ends so names a plan: .yaml or .yml, in any case.
[[nodiscard]] bool has_plan_suffix(const std::string& word);

// All of standard input. Throws Error(run) where an interruption ended it: what was read may not be all.
[[nodiscard]] std::string read_standard_input(std::istream& in);

// `items` in their order; `typed` is the command and all words after it, and gives an item its number in messages
// ("argument 2"). An item is a plan file if it is `-` (standard input), recipe:NAME, the first item, a path below /dev or ends in
// .yaml or .yml, all without '=', or if it has a '=' and a file of exactly that name exists; everything else is an
// assignment. Throws Error(plan) for a file or a recipe that does not exist (with the nearest name beside it) or cannot
// be read, and for `-` twice.
[[nodiscard]] std::vector<ConfigItem> read_config_items(const std::vector<std::string>& items,
                                                        const std::vector<std::string>& typed, Env& env,
                                                        std::istream& in);

// The lines of `--oly LINE` as further steps; `typed` as above.
[[nodiscard]] std::vector<ConfigItem> oly_items(const std::vector<std::string>& lines,
                                                const std::vector<std::string>& typed);
// Values of parameters, each NAME=VALUE; `typed` as above.
[[nodiscard]] std::vector<ConfigItem> parameter_items(const std::vector<std::string>& values,
                                                      const std::vector<std::string>& typed);

}  // namespace brainsurgery
