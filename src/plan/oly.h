// OLY, the one-line spelling of a step: `copy: from: a, to: b` is `copy: {from: a, to: b}`. docs/oly.md has the grammar
// and examples.
//
//   YamlPtr step = parse_oly(source);                   // {copy: {from: a, to: b}}
//   std::string line = print_oly(*step);                // "copy: from: a, to: b"
//
// A step gives the same tree as its YAML, so all that follows (schemas, interpolation) is the same. Where the two
// languages read a bare word differently (`yes`, `0x10`), the tree has what OLY says. Source: section "OLY" of the
// reference's behaviour; brackets that a bare word leaves open are an error here, at the bracket. Pure; may be called
// from several threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plan/yaml_tree.h"

namespace brainsurgery {

// The text, which is one line without its end, as a mapping of the command to a mapping of its keys. Throws Error(plan)
// at its place; the message ends in "at position N", characters from 0: syntax errors, duplicate keys, bytes that are
// not UTF-8, control characters other than tabs, nesting beyond kMaxYamlDepth.
[[nodiscard]] YamlPtr parse_oly(const std::shared_ptr<const SourceText>& text);

// The steps of a text's lines, which end in LF or CR LF; blank ones are skipped. Lines with a mistake are reported and
// left out.
[[nodiscard]] std::vector<YamlPtr> parse_oly_lines(const std::shared_ptr<const SourceText>& text,
                                                   Diagnostics& diagnostics);

// A step (a bare name, or a mapping with one key) as a line whose parse_oly() has the same_value(), where null as the
// payload counts as {}. Throws Error(plan) where OLY has no spelling for it: a payload that is no mapping, keys that
// are no identifiers, control characters in texts, NaN, integers beyond 64 bits that are not decimal.
[[nodiscard]] std::string print_oly(const YamlNode& step);

}  // namespace brainsurgery
