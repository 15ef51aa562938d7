// `${...}` in a plan's values, replaced by what it refers to.
//
//   x-dir: out                          ${x-dir}/a       the value of a key, within a text
//   x-layers: [0, 1]                    ${x-layers}      alone: the value with its type, lists and mappings too
//                                       ${x-layers[0]}   an entry of a list
//   transforms[0].copy: {from: a, to:   ${.from}}        relative: one dot is the mapping or list that the value is in
//                                       ${oc.env:HOME}   an environment variable; untyped, like an argument
//                                       ${oc.env:N,4}    with a default
//                                       \${x}            stays `${x}`; two backslashes before it are one
//
// References may be nested (`${a.${b}}`) and may lead to values that hold further ones. A name that is no key of the plan
// stays in the text, which becomes an unexplained node: whether the name means something (`${x}` in the list of a
// reference is the capture of a pattern) is known where the field that takes the text is decoded. Source of the
// language: OmegaConf's grammar as far as plans use it.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "brainsurgery/config.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

struct Config {
  YamlPtr root;                                      // never null
  std::set<std::string, std::less<>> referred_keys;  // of the top level, that an interpolation refers to
};

// Reports the unexplained names in the value of a field that has no meaning for them.
void report_unexplained_names(const YamlNode& node, Diagnostics& diagnostics);

// nullopt after mistakes, which are reported at the value that holds them: an unknown key or variable, another
// resolver, a cycle, bad syntax, a list or mapping inside of a text, a value that is missing (`???`), and what would
// become too large: a million values or 16 MB of text by way of references.
[[nodiscard]] std::optional<Config> interpolate(const YamlPtr& root, const VariableLookup& environment,
                                                Diagnostics& diagnostics);

}  // namespace brainsurgery
