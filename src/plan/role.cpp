#include "brainsurgery/role.h"

namespace brainsurgery::roles {

Role source() { return {.reads = true, .slice = true}; }
Role single_source() { return {.reads = true, .slice = true, .single = true}; }
Role paired_source() {
  return {.names = Role::Names::derived, .policy = Role::Policy::must_exist, .reads = true, .slice = true};
}
Role literal_source() {
  return {.names = Role::Names::literal, .policy = Role::Policy::must_exist, .reads = true, .slice = true};
}
Role moved() { return {.reads = true, .removes = true}; }
Role deleted() { return {.removes = true}; }
Role created() {
  return {.names = Role::Names::derived,
          .policy = Role::Policy::must_not_exist,
          .writes = true,
          .begins_model = true};
}
Role renamed() {
  Role role = created();
  role.renames = true;
  return role;
}
Role exchanged() {
  Role role = renamed();
  role.policy = Role::Policy::vacated;
  role.begins_model = false;
  return role;
}
Role created_literal() {
  return {.names = Role::Names::literal,
          .policy = Role::Policy::must_not_exist,
          .writes = true,
          .begins_model = true};
}
Role joined() { return {.reads = true, .slice = true, .single = true, .members = true}; }
Role join() {
  return {.names = Role::Names::derived_or_literal,
          .policy = Role::Policy::must_not_exist,
          .writes = true,
          .begins_model = true};
}
Role cut() { return single_source(); }
Role cuts() {
  return {.names = Role::Names::derived_or_literal,
          .policy = Role::Policy::must_not_exist,
          .writes = true,
          .members = true,
          .begins_model = true};
}
Role updated() {
  return {
      .names = Role::Names::derived, .policy = Role::Policy::must_exist, .reads = true, .writes = true, .slice = true};
}
Role assigned() {
  return {.names = Role::Names::derived, .writes = true, .replaces = true, .slice = true, .begins_model = true};
}
Role assigned_part() {
  return {.names = Role::Names::derived, .policy = Role::Policy::must_exist, .writes = true, .slice = true};
}
Role in_place() { return {.reads = true, .writes = true, .slice = true}; }
Role in_place_whole() { return {.reads = true, .writes = true}; }
Role rebuilt() { return {.reads = true, .writes = true, .replaces = true}; }
Role loaded() {
  return {.names = Role::Names::literal, .policy = Role::Policy::must_not_exist, .writes = true, .new_alias = true};
}
Role saved() { return {.names = Role::Names::literal, .policy = Role::Policy::must_exist, .reads = true}; }
Role taken_apart() { return {.reads = true, .contributes = true}; }
Role result_beside() {
  Role role = created();
  role.replaces = true;
  role.alias_of_first = true;
  return role;
}

}  // namespace brainsurgery::roles
