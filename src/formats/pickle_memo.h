// The memo of a pickle: values by slot.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "formats/pickle_vm.h"

namespace brainsurgery {

inline constexpr PickleRef kNoRef = ~PickleRef{0};

// Slots of the memo. PyTorch counts them up; other numbers go to a map, since the pickle could make its keys collide in a
// hash table.
class Memo {
 public:
  // The bytes that it needs more for the slot.
  [[nodiscard]] std::int64_t growth(std::uint64_t slot) const;
  void put(std::uint64_t slot, PickleRef ref);
  [[nodiscard]] PickleRef get(std::uint64_t slot) const;  // kNoRef: never filled
  [[nodiscard]] std::uint64_t filled() const { return filled_; }

 private:
  // A slot far beyond those in use is an odd one.
  [[nodiscard]] bool is_sparse(std::uint64_t slot) const { return slot >= dense_.size() && slot > 2 * filled_ + 4096; }

  std::vector<PickleRef> dense_;
  std::map<std::uint64_t, PickleRef> sparse_;
  std::uint64_t filled_ = 0;
};

}  // namespace brainsurgery
