#include "exec/repetitions.h"

#include <algorithm>

namespace brainsurgery {
namespace {

constexpr std::size_t kLeastLimit = 1 << 16;

// The last step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
std::uint64_t hash(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

}  // namespace

void Repetitions::begin(std::int64_t pass) {
  pass_ = pass;
  kept_.clear();
  limit_ = kLeastLimit;
}

void Repetitions::add(const std::uint64_t* values, std::int64_t begin, std::int64_t count) {
  const std::scoped_lock lock(mutex_);
  const auto passes = static_cast<std::uint64_t>(passes_);
  for (std::int64_t i = 0; i < count; ++i) {
    if (passes > 1 && hash(values[i]) % passes != static_cast<std::uint64_t>(pass_)) continue;
    kept_.push_back({values[i], begin + i});
    if (kept_.size() >= limit_) compress();
  }
}

void Repetitions::end() { compress(); }

// Of each value the first place stays. Where there are many values, there is room for more.
void Repetitions::compress() {
  std::ranges::sort(kept_);
  for (std::size_t i = 1; i < kept_.size(); ++i) {
    const Entry &one = kept_[i - 1], &other = kept_[i];
    if (one.value == other.value && (!first_ || other.place < first_->second))
      first_ = Pair{one.value, one.place, other.place};
  }
  const auto is_known = [](const Entry& a, const Entry& b) { return a.value == b.value; };
  kept_.erase(std::unique(kept_.begin(), kept_.end(), is_known), kept_.end());
  limit_ = std::max(kLeastLimit, 2 * kept_.size());
}

}  // namespace brainsurgery
