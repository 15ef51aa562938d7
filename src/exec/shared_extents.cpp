#include "exec/shared_extents.h"

#include <set>

namespace brainsurgery {
namespace {

// Less is not worth an extent of its own.
constexpr std::int64_t kLeastBytes = 64 << 10;

}  // namespace

ByteRange shareable_range(const PhysicalPlan& plan, const Segment& segment) {
  const ByteRange nothing{segment.offset, segment.offset};
  const auto* copy = std::get_if<Segment::Copy>(&segment.content);
  if (copy == nullptr || plan.has_checksums()) return nothing;
  const FilePlace& from = copy->from;
  if (!from.file->descriptor()) return nothing;
  if ((from.offset - segment.offset) % kSharedBlockBytes != 0) return nothing;
  const std::int64_t end = segment.offset + segment.size;
  // The last block of a file may be a part of one, if it is the last of the other too.
  const bool ends_both = end == plan.size() && from.offset + segment.size == from.file->status().size;
  const ByteRange range{(segment.offset + kSharedBlockBytes - 1) / kSharedBlockBytes * kSharedBlockBytes,
                        ends_both ? end : end / kSharedBlockBytes * kSharedBlockBytes};
  return range.size() < kLeastBytes ? nothing : range;
}

std::int64_t shareable_bytes(const PhysicalPlan& plan) {
  std::int64_t bytes = 0;
  for (const Segment& segment : plan.segments()) bytes += shareable_range(plan, segment).size();
  return bytes;
}

std::vector<ByteRange> share_extents(const PhysicalPlan& plan, WritableFile& file) {
  std::set<const ReadableFile*> refused;
  std::vector<ByteRange> shared;
  for (const Segment& segment : plan.segments()) {
    ByteRange range = shareable_range(plan, segment);
    if (range.size() > 0) {
      const FilePlace& from = std::get<Segment::Copy>(segment.content).from;
      const bool done = !refused.contains(from.file.get()) &&
                        file.share(range.begin, *from.file, from.offset + range.begin - segment.offset, range.size());
      if (!done) {
        refused.insert(from.file.get());
        range = {segment.offset, segment.offset};
      }
    }
    shared.push_back(range);
  }
  return shared;
}

}  // namespace brainsurgery
