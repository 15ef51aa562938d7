// The header of a NumPy array file, as a pure function of its bytes and back.
//
//   NpyHeader header = parse_npy_header(first_bytes, content_size, "'a.npy': invalid npy file");
//   std::string bytes = npy_header({DType::F32, {2, 3}}, "w");  // what numpy.save writes before the data
//
// Source: NEP 1 and numpy/lib/format.py; drawn in npy.cpp, explained in docs/formats/npy.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "brainsurgery/types.h"

namespace brainsurgery {

inline constexpr std::int64_t kMaxNpyHeader = 10'000;            // bytes of the dict; numpy's own limit
inline constexpr std::int64_t kMaxNpyHead = 12 + kMaxNpyHeader;  // with magic, version and length

struct NpyHeader {
  TensorDesc desc;
  bool column_major = false;
  bool big_endian = false;
  std::int64_t data_begin = 0;  // bytes from the beginning of the content
  // Where the elements cannot be read: what they are, "object array", and the message that refuses them. Then `desc` has
  // the shape alone.
  std::string unreadable = {}, refusal = {};
};

// `head`: the first min(content_size, kMaxNpyHead) bytes of a content of `content_size` bytes, which must end with the
// last element. The dict is parsed, never evaluated. Throws Error(run) "<context>: <reason>".
[[nodiscard]] NpyHeader parse_any_npy_header(std::string_view head, std::int64_t content_size,
                                             const std::string& context);
// The same, which also throws for elements that cannot be read.
[[nodiscard]] NpyHeader parse_npy_header(std::string_view head, std::int64_t content_size, const std::string& context);

// Version 1.0, row-major, little-endian, byte for byte numpy's. `name` is for messages. Throws Error(run) for a dtype
// that NumPy has not.
[[nodiscard]] std::string npy_header(const TensorDesc& desc, std::string_view name);

}  // namespace brainsurgery
