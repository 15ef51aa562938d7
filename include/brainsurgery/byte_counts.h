// How many bytes a piece of work moves: predicted by who plans it, counted by who does it.
#pragma once

#include <cstdint>

namespace brainsurgery {

struct ByteCounts {
  std::int64_t read = 0;      // tensor bytes taken from inputs, as often as they are taken
  std::int64_t written = 0;   // of all files: copied, computed, and what formats add
  std::int64_t copied = 0;    // tensor bytes that go from file to file unchanged
  std::int64_t computed = 0;  // tensor bytes that are calculated or rearranged
  std::int64_t shared = 0;    // of those copied: what uses the disk blocks of an input; only the file system knows

  ByteCounts& operator+=(const ByteCounts& other) {
    read += other.read;
    written += other.written;
    copied += other.copied;
    computed += other.computed;
    shared += other.shared;
    return *this;
  }
  friend bool operator==(const ByteCounts&, const ByteCounts&) = default;
};

}  // namespace brainsurgery
