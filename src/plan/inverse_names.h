// A pattern and the template of its matches, the other way round: the pattern of the names that the template makes, and
// the template that gives the old names back.
//
//   inverse_names("h.$i.${p:q|k}.w", "layers.$i.${p}_proj.w")   // "layers.$i.${p:q|k}_proj.w", "h.$i.${p}.w"
//   inverse_names("(.*)\\.w", "x.\\1")                          // "x\\.(.*)", "\\1.w"
//
// Texts as a plan has them, with an alias or without; expressions of names that the pattern does not have stay as they
// are. A dot of a regular expression that no repeat follows is taken for a dot. Pure; may be called from several
// threads.
#pragma once

#include <cstdint>

#include "plan/yaml_tree.h"

namespace brainsurgery {

// The side that alone may have a name, which counts the tensors that are joined or cut. It stays there.
enum class CountingSide : std::uint8_t { neither, pattern, result };

struct NamePair {
  YamlPtr pattern, result;  // texts
};

// Throws Error(plan) at one of the two with the reason why the names cannot be given back: a capture that the result does
// not have or that an expression computes with, parts of a regular expression outside of its groups, a slice.
[[nodiscard]] NamePair inverse_names(const YamlNode& pattern, const YamlNode& result,
                                     CountingSide counting = CountingSide::neither);

}  // namespace brainsurgery
