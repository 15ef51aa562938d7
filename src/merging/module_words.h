// What the last words of a tensor's name say of it.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace brainsurgery::merging {

inline std::string last_word(const std::string& name) { return name.substr(name.rfind('.') + 1); }

// "h.0.mlp" and "weight"; the module may be empty.
inline std::pair<std::string, std::string> module_and_tensor(const std::string& name) {
  const std::size_t point = name.rfind('.');
  if (point == std::string::npos) return {"", name};
  return {name.substr(0, point), name.substr(point + 1)};
}

inline bool is_head(const std::string& module) {
  constexpr std::array<std::string_view, 3> kHeads{"lm_head", "embed_out", "output"};
  return std::ranges::find(kHeads, last_word(module)) != kHeads.end();
}

inline bool is_word_embedding(const std::string& module) {
  constexpr std::array<std::string_view, 5> kWords{"embed_tokens", "wte", "word_embeddings", "embed_in", "tok_embeddings"};
  return std::ranges::find(kWords, last_word(module)) != kWords.end();
}

inline bool is_embedding(const std::string& module) {
  constexpr std::array<std::string_view, 4> kOthers{"wpe", "position_embeddings", "token_type_embeddings",
                                                    "embed_positions"};
  return is_word_embedding(module) || std::ranges::find(kOthers, last_word(module)) != kOthers.end();
}

inline bool is_vocabulary(const std::string& module) { return is_head(module) || is_embedding(module); }

}  // namespace brainsurgery::merging
