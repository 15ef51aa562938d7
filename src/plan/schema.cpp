#include "brainsurgery/schema.h"

#include <algorithm>

#include "plan/yaml_tree.h"

namespace brainsurgery {

const Field* Schema::find(std::string_view key) const {
  const auto found = std::ranges::find(fields, key, [](const auto& field) -> std::string_view { return field->name; });
  return found == fields.end() ? nullptr : found->get();
}

void report_problem(const FieldProblem& problem, const YamlNode& payload, const DecodeContext& context,
                    const std::string& path) {
  const YamlNode* at = payload.find(problem.field);
  context.diagnostics.error((at != nullptr ? *at : payload).span(),
                            path + (problem.field.empty() ? "" : "." + problem.field) + ": " + problem.message);
}

bool is_yaml_list(const YamlNode& value) { return value.is_sequence(); }

bool Schema::may_be_empty() const {
  return needs_one_of.empty() && std::ranges::none_of(fields, [](const auto& field) { return field->required; });
}

}  // namespace brainsurgery
