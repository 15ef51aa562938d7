// Small tensors as text, a line each: name, dtype (safetensors spelling), shape, elements in row-major order.
//
//   w BF16 [2, 3] = 0 1.5 inf -inf nan 1e30
//   e F32 [0] =
//   z I8 [4] = 1 0 ...            the last number is repeated
//   h F8_E4M3 [2] = hex 38 40     bytes, for dtypes that have no numbers here; numbers: BOOL, integers, F16, BF16, F32,
//   F64
//
// Numbers are written and read by code of this folder alone, so that the program's conversions are held against
// something.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery::cases {

struct SmallTensor {
  std::string name;
  TensorDesc desc;
  std::vector<std::byte> bytes;  // packed, little-endian

  friend bool operator==(const SmallTensor&, const SmallTensor&) = default;
};

// Throws std::runtime_error: not of this form, a number that the dtype cannot hold exactly (F32: after rounding).
[[nodiscard]] SmallTensor parse_tensor(const std::string& line);
[[nodiscard]] std::string to_string(const SmallTensor& tensor);

// A safetensors file of these tensors.
void write_checkpoint(const std::string& path, const std::vector<SmallTensor>& tensors);
// All tensors of a file or directory, sorted by name.
[[nodiscard]] std::vector<SmallTensor> read_checkpoint(const std::string& path);

}  // namespace brainsurgery::cases
