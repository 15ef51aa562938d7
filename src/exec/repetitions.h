// Finds equal elements among many in bounded memory: elements go by several times, and each time those of a part of all
// values, chosen by a hash, are kept.
//
//   Repetitions repetitions(passes);
//   for (std::int64_t pass = 0; pass < passes; ++pass) { repetitions.begin(pass); ...add(...); repetitions.end(); }
//   if (auto found = repetitions.first()) ...
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace brainsurgery {

class Repetitions {
 public:
  // Two places of one value.
  struct Pair {
    std::uint64_t value;
    std::int64_t first, second;
  };

  explicit Repetitions(std::int64_t passes) : passes_(passes) {}

  void begin(std::int64_t pass);
  // Elements [begin, begin + count), in any order and by several threads.
  void add(const std::uint64_t* values, std::int64_t begin, std::int64_t count);
  void end();

  // Of all pairs the one whose second place comes first: the first element that was there before.
  [[nodiscard]] const std::optional<Pair>& first() const { return first_; }

 private:
  struct Entry {
    std::uint64_t value;
    std::int64_t place;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };

  void compress();

  std::int64_t passes_, pass_ = 0;
  std::mutex mutex_;
  std::vector<Entry> kept_;
  std::size_t limit_ = 0;
  std::optional<Pair> first_;
};

}  // namespace brainsurgery
