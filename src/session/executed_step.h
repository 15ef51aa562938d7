// A step that was done, for the summary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/schema.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

struct ExecutedStep {
  const Schema* schema = nullptr;
  YamlPtr payload;
  std::optional<std::string> default_alias;
  // For steps that drew random values without a seed: what each row became.
  struct SeededMatch {
    YamlPtr payload;
    std::vector<std::pair<std::string, std::string>> references;  // field, literal reference
    std::uint64_t seed = 0;
  };
  std::vector<SeededMatch> seeded;
};

}  // namespace brainsurgery
