// A tree back to YAML text, in block style; and a whole plan.
//
//   print_yaml(*YamlNode::sequence(span, steps));   // "- copy:\n    from: a\n    to: b\n"
//   print_plan(plan);                               // "inputs:\n- model::a.safetensors\ntransforms:\n- copy:\n ..."
//
// The style is that of OmegaConf.to_yaml with unlimited width: two blanks a level, lists not indented below their keys,
// `{}` and `[]` for what is empty, texts plain where every YAML 1.1 reader takes them for texts, else in quotes. Every
// scalar stays on its line: a text with line breaks is written in double quotes with `\n` (where OmegaConf folds it).
// Numbers are printed by value (0x10 as 16, 1e3 as 1000.0), integers beyond 64 bits as written.
//
// Promise: parse_yaml(print_yaml(tree)) has the same kinds and values (same_value()); an untyped text comes back as a
// text, an alias as a copy. Pure; may be called from several threads.
#pragma once

#include <string>

#include "plan/plan_file.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// Bytes of a key that YAML readers are sure to take; the standard asks for 1024 characters up to the colon.
inline constexpr std::size_t kMaxYamlKeyBytes = 1000;

// Ends with a line feed. Throws Error(plan) at its place for what YAML cannot hold: a text that is not UTF-8 (from the
// environment, say), a key longer than kMaxYamlKeyBytes with its quotes and escapes.
[[nodiscard]] std::string print_yaml(const YamlNode& root);

// `command: payload`; a payload of null is an empty mapping. The step must have been read (payload not nullptr).
[[nodiscard]] YamlPtr to_yaml(const PlanStep& step);
// `alias::path`, or a mapping where more is said of it.
[[nodiscard]] YamlPtr to_yaml(const PlanInput& input);
// The keys inputs, transforms and output, those that are empty left out (an empty plan is `{}`).
[[nodiscard]] YamlPtr to_yaml(const Plan& plan);
// parse_plan() of it gives the plan again, but for places and null payloads.
[[nodiscard]] std::string print_plan(const Plan& plan);

}  // namespace brainsurgery
