// CRC-32 sums of a file that is written in tiles, in any order, by several threads.
//
//   Checksums sums(plan);
//   sums.expect(segment, tiles);           // by the coordinating thread, before tiles of the segment are written
//   sums.record(segment, tile, bytes);     // by whoever writes the tile
//   sums.of(begin, end)                    // when all is written
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "planner/physical_plan.h"

namespace brainsurgery {

class Checksums {
 public:
  // Does nothing for a plan without checksums.
  explicit Checksums(const PhysicalPlan& plan)
      : plan_(plan), sums_(plan.has_checksums() ? plan.segments().size() : 0) {}

  void expect(std::size_t segment, std::int64_t tiles);
  void record(std::size_t segment, std::int64_t tile, std::span<const std::byte> bytes);
  // Of bytes [begin, end) of the file, whole segments that were recorded.
  [[nodiscard]] std::uint32_t of(std::int64_t begin, std::int64_t end) const;

 private:
  struct Sum {
    std::uint32_t crc = 0;
    std::int64_t bytes = 0;
  };
  const PhysicalPlan& plan_;
  std::vector<std::vector<Sum>> sums_;  // by segment and tile
};

}  // namespace brainsurgery
