// Disk blocks that a file which is written shares with those that it copies from, where the file system can do that:
// such a copy takes no time and no space (`ioctl_ficlonerange(2)`; XFS and Btrfs can).
#pragma once

#include <cstdint>
#include <vector>

#include "brainsurgery/env.h"
#include "planner/physical_plan.h"

namespace brainsurgery {

struct ByteRange {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t size() const { return end - begin; }
};

// The range of the target that a segment could share: the whole blocks of a copy whose source stands at the same place
// in a block. Empty for all others, for sources that no file holds as they are, and in files with checksums, which have
// to be computed.
[[nodiscard]] ByteRange shareable_range(const PhysicalPlan& plan, const Segment& segment);
// Of all segments.
[[nodiscard]] std::int64_t shareable_bytes(const PhysicalPlan& plan);

// Shares what it can. By segment: the range of the target that is done. `file` must have its final length.
[[nodiscard]] std::vector<ByteRange> share_extents(const PhysicalPlan& plan, WritableFile& file);

}  // namespace brainsurgery
