#include "exec/checksums.h"

#include <zlib.h>

#include <algorithm>

namespace brainsurgery {

void Checksums::expect(std::size_t segment, std::int64_t tiles) {
  if (!sums_.empty()) sums_[segment].resize(static_cast<std::size_t>(tiles));
}

void Checksums::record(std::size_t segment, std::int64_t tile, std::span<const std::byte> bytes) {
  if (sums_.empty()) return;
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  sums_[segment][static_cast<std::size_t>(tile)] = {static_cast<std::uint32_t>(crc), std::ssize(bytes)};
}

std::uint32_t Checksums::of(std::int64_t begin, std::int64_t end) const {
  const std::vector<Segment>& segments = plan_.segments();
  const auto first = std::ranges::lower_bound(segments, begin, {}, &Segment::offset);
  uLong crc = 0;
  for (auto at = first; at != segments.end() && at->offset < end; ++at) {
    for (const Sum& sum : sums_[static_cast<std::size_t>(at - segments.begin())])
      crc = crc32_combine(crc, sum.crc, static_cast<z_off_t>(sum.bytes));
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace brainsurgery
