// Values of GGUF's metadata as text, and back to the bytes that a file has.
//
//   u32 4096                          "4096"
//   string array ["<s>", "</s>"]      "[\"<s>\", \"</s>\"]"
//
// Numbers have the fewest digits that read back equal; a NaN of another pattern than C++ gives stands as its bits
// ("0x7fa00000"). Quoted strings are those of JSON; a byte that is not UTF-8 stands as \udc80 to \udcff, as in Python.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brainsurgery {

// Types of values by their numbers in the file. Source: GGUF specification, gguf_metadata_value_type.
enum class GgufValue : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

inline constexpr std::uint32_t kGgufValues = 13;

// Bytes of a value; 0 for strings and arrays.
[[nodiscard]] std::int64_t size_of(GgufValue type);
// "u32".
[[nodiscard]] std::string_view name_of(GgufValue type);
[[nodiscard]] std::optional<GgufValue> gguf_value_named(std::string_view name);

// A number or truth value of size_of(type) bytes, little-endian, as text; nullopt for a truth value other than 0 and 1.
[[nodiscard]] std::optional<std::string> text_of(GgufValue type, std::string_view bytes);
// Appends any bytes as a quoted string.
void append_quoted(std::string& to, std::string_view bytes);

// Each gives the bytes of a value, nullopt where the text is not exactly one of the type: a number or truth value; what
// append_quoted wrote; the length and the elements of an array.
[[nodiscard]] std::optional<std::string> number_bytes(GgufValue type, std::string_view text);
[[nodiscard]] std::optional<std::string> unquoted(std::string_view text);
[[nodiscard]] std::optional<std::string> array_bytes(GgufValue element, std::string_view text);

}  // namespace brainsurgery
