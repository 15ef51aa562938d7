// The tensor types of GGUF: plain ones, and those that hold a block of elements in a few bits each with scales of their
// own. Pure functions of bytes.
//
//   const GgufType* type = gguf_type(12);              // Q4_K
//   std::array<float, kMaxGgufBlock> values;
//   type->decode(block, values.data());                // type->block_bytes bytes -> type->block_elements floats
//
// Values equal those of the `dequantize` of gguf-py 0.19 bit for bit (that package has none for Q8_1 and Q8_K), except
// for the payloads of NaNs. Sources: the GGUF specification and the block structures of ggml (ggml-common.h); formulas
// in docs/formats/gguf.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "brainsurgery/types.h"

namespace brainsurgery {

inline constexpr int kMaxGgufBlock = 256;  // elements

struct GgufType {
  std::uint32_t id;
  std::string_view name;
  int block_elements;  // 1 for plain types
  int block_bytes;
  std::optional<DType> dtype;                          // of a plain type
  void (*decode)(const std::uint8_t* in, float* out);  // one block; nullptr for plain types and for those not decoded
};

// nullptr for an id that is unknown or was removed from the format.
[[nodiscard]] const GgufType* gguf_type(std::uint32_t id);
// nullptr for a name that no type has.
[[nodiscard]] const GgufType* gguf_type_named(std::string_view name);
// The type that a tensor of `dtype` has in a GGUF file; nullptr where the format has none.
[[nodiscard]] const GgufType* gguf_type_of(DType dtype);
[[nodiscard]] std::span<const GgufType> all_gguf_types();

}  // namespace brainsurgery
