#include "brainsurgery/schema.h"

#include <algorithm>

#include "plan/field_values.h"

namespace brainsurgery {

namespace roles {
Role source() { return {.reads = true, .slice = true}; }
Role single_source() { return {.reads = true, .slice = true, .single = true}; }
Role paired_source() {
  return {.names = Role::Names::derived, .policy = Role::Policy::must_exist, .reads = true, .slice = true};
}
Role moved() { return {.reads = true, .removes = true}; }
Role deleted() { return {.removes = true}; }
Role created() { return {.names = Role::Names::derived, .policy = Role::Policy::must_not_exist, .writes = true}; }
Role created_literal() {
  return {.names = Role::Names::literal, .policy = Role::Policy::must_not_exist, .writes = true};
}
Role updated() {
  return {
      .names = Role::Names::derived, .policy = Role::Policy::must_exist, .reads = true, .writes = true, .slice = true};
}
Role assigned() { return {.names = Role::Names::derived, .writes = true, .slice = true}; }
Role assigned_part() {
  return {.names = Role::Names::derived, .policy = Role::Policy::must_exist, .writes = true, .slice = true};
}
Role in_place() { return {.reads = true, .writes = true, .slice = true}; }
Role in_place_whole() { return {.reads = true, .writes = true}; }
Role loaded() {
  return {.names = Role::Names::literal, .policy = Role::Policy::must_not_exist, .writes = true, .new_alias = true};
}
Role saved() { return {.names = Role::Names::literal, .policy = Role::Policy::must_exist, .reads = true}; }
Role taken_apart() { return {.reads = true, .contributes = true}; }
Role result_beside() {
  return {
      .names = Role::Names::derived, .policy = Role::Policy::must_not_exist, .writes = true, .alias_of_first = true};
}
}  // namespace roles

const Field* Schema::find(std::string_view key) const {
  const auto found = std::ranges::find(fields, key, [](const auto& field) -> std::string_view { return field->name; });
  return found == fields.end() ? nullptr : found->get();
}

std::shared_ptr<const Field> binding_values(Role role) {
  const auto tensor = std::make_shared<Field>();
  tensor->kind = FieldKind::reference;
  tensor->role = role;
  const auto formula = std::make_shared<Field>();
  formula->kind = FieldKind::formula;
  formula->docs = "behind '='";
  const auto either = std::make_shared<Field>();
  either->kind = FieldKind::one_of;
  either->parts = {tensor, formula};
  either->part_taken = [](const YamlNode& value) -> std::size_t { return value.text().starts_with('=') ? 1 : 0; };
  return either;
}

void report_problem(const FieldProblem& problem, const YamlNode& payload, const DecodeContext& context,
                    const std::string& path) {
  const YamlNode* at = payload.find(problem.field);
  context.diagnostics.error((at != nullptr ? *at : payload).span(),
                            path + (problem.field.empty() ? "" : "." + problem.field) + ": " + problem.message);
}

bool Schema::may_be_empty() const {
  return needs_one_of.empty() && std::ranges::none_of(fields, [](const auto& field) { return field->required; });
}

}  // namespace brainsurgery
