// Steps that join several tensors to one, or cut one into several: which references stand for the several.
//
//   concat: {from: 'h.$i.${p:q|k|v}.w', to: h.$i.qkv.w}     // written once for each of q, k, v
//   concat: {from: 'r${n}::$x', over: {n: 0..7}, to: out::$x}
//   stack: {from: h.$i.experts.$e.w, to: h.$i.w}            // e is missing in `to`: it counts the members
//   unstack: {from: h.$i.w, to: h.$i.experts.$e.w}          // e is missing in `from`: it counts the results
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/schema.h"
#include "plan/yaml_tree.h"
#include "session/step_parts.h"

namespace brainsurgery {

// A payload with the reference of its members written once for each value.
struct WrittenMembers {
  YamlPtr payload;
  std::string counted;  // the name that `over` gives without values; empty: none
};
// `over`: nullptr: it is not given. Throws Error(plan).
[[nodiscard]] WrittenMembers written_members(const YamlPtr& payload, const YamlPtr& over, const Schema& schema);

// Whether the name counts the tensors that one is cut into: the reference of these has it.
[[nodiscard]] bool counts_results(const YamlNode& payload, const Schema& schema, std::string_view name);

// The references of the part's spec, compiled. `counted`: as above. Throws Error(plan).
void prepare_refs(const Schema& schema, const std::optional<std::string>& default_alias, const std::string& counted,
                  StepPart& part);

}  // namespace brainsurgery
