#include "planner/source_reads.h"

#include <algorithm>

#include "types/box_read.h"

namespace brainsurgery {
namespace {

// The box that the last `elements` of a map fill.
FileBox box_of(const StridedMap& map, std::int64_t elements, std::int64_t item) {
  FileBox box{map.shape, map.strides, item};
  for (std::size_t i = box.shape.size(); i-- > 0;) {
    box.shape[i] = std::clamp<std::int64_t>(elements, 1, box.shape[i]);
    elements /= box.shape[i];
  }
  return box;
}

// Whether a tile takes few reads for what it holds where every read decodes whole blocks. If not, it is less to decode
// the tensor once.
bool reads_in_ranges(const ReadableFile& file, const StridedMap& map, std::int64_t item) {
  constexpr std::int64_t kTileBytes = 4 << 20, kReadBytes = 512;  // as much as a read costs
  constexpr std::int64_t kMostWork = 16;                          // times the bytes wanted
  if (file.access() != FileAccess::ranges) return false;
  const FileBox box = box_of(map, kTileBytes / item, item);
  const ReadCost cost = read_cost(box);
  const std::int64_t block = file.blocks() == nullptr ? 0 : file.blocks()->decoded_bytes;
  return cost.bytes + cost.reads * (kReadBytes + block) <= kMostWork * element_count(box.shape) * item;
}

}  // namespace

bool is_mapped(const nodes::Source& node, DType dtype) {
  return node.file->access() == FileAccess::mapped && node.offset % item_size(dtype) == 0;
}

bool reads_well_at_random(const nodes::Source& node, const StridedMap& map, DType dtype) {
  return is_mapped(node, dtype) || reads_in_ranges(*node.file, map, item_size(dtype));
}

}  // namespace brainsurgery
