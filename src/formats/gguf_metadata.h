// GGUF's typed key-value pairs as pairs of text, and back.
//
// A string stands under its own key. A number or a truth value stands under "KEY:TYPE", so that it can be written again
// with its type ("llama.block_count:u32" = "32"). An array stands under "KEY:array"; what it holds is shown if it is
// short, and it is never written. So metadata survive the way through a format that knows only text, arrays excepted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "brainsurgery/checkpoint.h"

namespace brainsurgery {

// Types of values by their numbers in the file. Source: GGUF specification, gguf_metadata_value_type.
enum class GgufValue : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

inline constexpr std::uint32_t kGgufValues = 13;

// Bytes of a value; 0 for strings and arrays.
[[nodiscard]] std::int64_t size_of(GgufValue type);
// "u32", as after the colon of a key.
[[nodiscard]] std::string_view name_of(GgufValue type);
// A number or truth value of size_of(type) bytes, little-endian, as text; floats with the fewest digits that read back
// equal. nullopt for a truth value other than 0 and 1.
[[nodiscard]] std::optional<std::string> text_of(GgufValue type, std::string_view bytes);

// Appends the pairs that a file of version 3 with float tensors has: `metadata` less the arrays and less what described
// another file (alignment, quantization, splits), with `general.architecture` added where it is missing. Returns how
// many they are. Throws Error(run) where two pairs have one GGUF key ("k:u32" and "k").
[[nodiscard]] std::uint64_t append_gguf_metadata(std::string& header, const Metadata& metadata);

// Little-endian words and length-prefixed strings of a header.
void append_u32(std::string& header, std::uint32_t value);
void append_u64(std::string& header, std::uint64_t value);
void append_gguf_string(std::string& header, std::string_view text);

}  // namespace brainsurgery
