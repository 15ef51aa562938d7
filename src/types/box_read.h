// Elements that stand apart in a file that is not mapped, read in the order of the file and in as few reads as pay.
//
//   const PackedBox box = packed_box({{3, 1000}, {1, 3}, 4});   // a transposed matrix of 4-byte elements
//   std::vector<std::byte> memory(box.bytes);
//   read_box(strided, memory, [&](std::int64_t offset, std::span<std::byte> into) { file.read(begin + offset, into);
//   });
//   // element (i, j) is at memory[(i * box.strides[0] + j * box.strides[1]) * 4]
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "brainsurgery/types.h"

namespace brainsurgery {

struct FileBox {
  Shape shape;
  std::vector<std::int64_t> strides;  // in elements of the file, >= 0
  std::int64_t item = 1;              // bytes of an element
};

// The elements of a box in the order of the file, each once.
struct PackedBox {
  std::vector<std::int64_t> strides;  // in elements, by dimension of the box
  std::int64_t bytes = 0;
};
[[nodiscard]] PackedBox packed_box(const FileBox& box);

// What read_box asks for, before it does.
struct ReadCost {
  std::int64_t reads = 0;
  std::int64_t bytes = 0;
};
[[nodiscard]] ReadCost read_cost(const FileBox& box);

using ReadRange = std::function<void(std::int64_t offset, std::span<std::byte> into)>;  // offset in bytes
// `into`: packed_box(box).bytes.
void read_box(const FileBox& box, std::span<std::byte> into, const ReadRange& read);

}  // namespace brainsurgery
