// adapter_config.json: what PEFT says of an adapter beside its tensors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "documents/adapter_names.h"
#include "documents/json_value.h"
#include "plan/name_pattern.h"

namespace brainsurgery::merging {

struct AdapterConfig {
  std::string kind = "LORA";  // LORA, LOHA or LOKR
  std::int64_t rank = 0;
  double alpha = 0;
  bool rank_stabilised = false;  // arXiv 2312.03732
  bool fan_in_fan_out = false;   // weights are stored [in, out]
  // By the names of modules; the first that matches counts.
  std::vector<std::pair<NamePattern, std::int64_t>> ranks;
  std::vector<std::pair<NamePattern, double>> alphas;
  std::vector<std::string> parameters;     // names of 3-D parameters that are adapted
  std::vector<std::string> saved_modules;  // that are stored as they are after training

  [[nodiscard]] bool saves(const std::string& module) const {
    return std::ranges::find(saved_modules, module) != saved_modules.end();
  }
  [[nodiscard]] std::int64_t rank_of(const std::string& module) const;
  // By which the product of the factors is multiplied.
  [[nodiscard]] double scale_of(const std::string& module) const;
};

// Throws Error(plan) for kinds and settings that no merge can follow, and for values that make no sense. `where`:
// "adapter_config.json of 'style'".
[[nodiscard]] AdapterConfig read_adapter_config(const JsonValue& root, const std::string& where);

}  // namespace brainsurgery::merging
