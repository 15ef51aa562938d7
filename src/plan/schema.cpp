#include "plan/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace brainsurgery {

namespace roles {
Role source() { return {.reads = true, .slice = true}; }
Role whole_source() { return {.reads = true}; }
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
Role in_place() { return {.reads = true, .writes = true, .slice = true}; }
Role in_place_whole() { return {.reads = true, .writes = true}; }
}  // namespace roles

std::string_view to_string(FieldKind kind) {
  switch (kind) {
    case FieldKind::reference:
      return "a reference";
    case FieldKind::references:
      return "a list of references";
    case FieldKind::number:
      return "a number";
    case FieldKind::integer:
      return "an integer";
    case FieldKind::integers:
      return "a list of integers";
    case FieldKind::dtype:
      return "a dtype";
    case FieldKind::choice:
      return "one of a few words";
    case FieldKind::numbers:
      return "a number or nested lists of numbers";
    case FieldKind::predicate:
      return "an assertion";
    case FieldKind::predicates:
      return "a list of assertions";
  }
  return "";
}

const Field* Schema::find(std::string_view key) const {
  const auto found = std::ranges::find(fields, key, [](const auto& field) -> std::string_view { return field->name; });
  return found == fields.end() ? nullptr : found->get();
}

}  // namespace brainsurgery
