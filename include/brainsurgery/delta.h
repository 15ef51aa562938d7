// The names that a step created, changed and deleted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace brainsurgery {

struct DeltaEntry {
  enum class Kind : std::uint8_t { created, changed, deleted } kind;
  std::string alias;
  std::string name;
  std::string region = {};  // the slice as written, empty for the whole tensor

  friend bool operator==(const DeltaEntry&, const DeltaEntry&) = default;
};
using Delta = std::vector<DeltaEntry>;

}  // namespace brainsurgery
