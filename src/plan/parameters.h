// Parameters of a plan: `params: {experts: 8, weight: {default: 0.5, type: number, doc: '...'}}`, set from outside by
// `-p experts=16`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/error.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// Whether a parameter is written as a declaration, a mapping of default, type and doc alone, and not as its value.
[[nodiscard]] bool is_declaration(const YamlNode& parameter);

// Whether a parameter is declared without a default, and was not set.
[[nodiscard]] bool lacks_value(const YamlNode& parameter);
// A mistake for each such parameter.
void report_lacking_values(const YamlNode& params, Diagnostics& diagnostics);

// The tree with a value for a parameter, from "NAME=VALUE". Throws Error(plan): the plan has no such parameter.
[[nodiscard]] YamlPtr with_parameter(const YamlPtr& root, const std::shared_ptr<const SourceText>& argument);

// The names and values of all parameters. Checks what the plan says of them, and the types of values.
[[nodiscard]] std::vector<std::pair<std::string, YamlPtr>> parameters_of(const YamlNode& params,
                                                                        Diagnostics& diagnostics);

// Whether there is an expression in the value that is still to be evaluated.
[[nodiscard]] bool is_open(const YamlNode& value);

}  // namespace brainsurgery
