// How many dimensions a tensor may have, in files and in plans: as many as PyTorch's own operations take.
#pragma once

#include <cstddef>

namespace brainsurgery {

inline constexpr std::size_t kMaxRank = 64;

}  // namespace brainsurgery
