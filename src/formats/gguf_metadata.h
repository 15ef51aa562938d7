// GGUF's typed key-value pairs as pairs of text, and back. Every pair survives the way through a format that knows only
// text.
//
//   general.architecture = llama            a string
//   llama.block_count:u32 = 32              a number or a truth value
//   tokenizer.ggml.tokens:string[] = ["<s>", "</s>"]
//   odd:u32:string = "7"                    a string that would read as something else under its own key
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "brainsurgery/checkpoint.h"
#include "formats/gguf_values.h"

namespace brainsurgery {

inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";
inline constexpr std::int64_t kGgufAlignment = 32;          // bytes, where no pair says otherwise
inline constexpr std::int64_t kMaxGgufAlignment = 1 << 20;  // as the reference implementation
[[nodiscard]] bool is_gguf_alignment(std::uint64_t bytes);

// "'abc' is not a u32 value" for a pair whose key names a type that its value does not have. Such a pair is written as a
// string under the whole key, which only a pair that was read can mean.
[[nodiscard]] std::optional<std::string> problem_of_gguf_pair(std::string_view key, std::string_view value);

// The pair of a string.
[[nodiscard]] Metadata::value_type text_pair(std::string_view key, std::string_view bytes);
// "llama.block_count:u32", "tokenizer.ggml.tokens:string[]".
[[nodiscard]] std::string typed_key(std::string_view key, GgufValue type);
[[nodiscard]] std::string array_key(std::string_view key, GgufValue element);
// Of a pair whose value is not kept; it is shown and never written.
[[nodiscard]] std::string omitted_key(std::string_view key);

// Bytes between the tensors of a file with this metadata.
[[nodiscard]] std::int64_t gguf_alignment(const Metadata& metadata);

// Appends the pairs of a file of version 3: `metadata` less what described another file, with `general.architecture`
// added where it is missing. Left out are omitted pairs, the place in a split, safetensors' own `format`, and the
// file's type and the version of the quantisation where no tensor has such a type. `types`: the numbers of the tensors'
// types. Returns how many they are. Throws Error(run) where two pairs have one GGUF key ("k:u32" and "k").
[[nodiscard]] std::uint64_t append_gguf_metadata(std::string& header, const Metadata& metadata,
                                                 const std::set<std::uint32_t>& types);

// Little-endian words and length-prefixed strings of a header.
void append_u32(std::string& header, std::uint32_t value);
void append_u64(std::string& header, std::uint64_t value);
void append_gguf_string(std::string& header, std::string_view text);

}  // namespace brainsurgery
