#include "formats/pickle_memo.h"

#include <bit>

namespace brainsurgery {

std::int64_t Memo::growth(std::uint64_t slot) const {
  constexpr std::int64_t kMapEntry = 64;  // bytes
  if (slot < dense_.size()) return 0;
  if (is_sparse(slot)) return sparse_.contains(slot) ? 0 : kMapEntry;
  return static_cast<std::int64_t>((std::bit_ceil(slot + 1) - dense_.size()) * sizeof(PickleRef));
}

void Memo::put(std::uint64_t slot, PickleRef ref) {
  if (is_sparse(slot)) {
    filled_ += sparse_.insert_or_assign(slot, ref).second ? 1 : 0;
    return;
  }
  if (slot >= dense_.size()) dense_.resize(static_cast<std::size_t>(std::bit_ceil(slot + 1)), kNoRef);
  PickleRef& place = dense_[static_cast<std::size_t>(slot)];
  if (place == kNoRef && (sparse_.empty() || sparse_.erase(slot) == 0)) ++filled_;
  place = ref;
}

PickleRef Memo::get(std::uint64_t slot) const {
  if (slot < dense_.size() && dense_[static_cast<std::size_t>(slot)] != kNoRef)
    return dense_[static_cast<std::size_t>(slot)];
  const auto found = sparse_.find(slot);
  return found == sparse_.end() ? kNoRef : found->second;
}

}  // namespace brainsurgery
