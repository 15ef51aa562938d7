// A step whose payload is decoded and whose patterns are compiled: all that can be said of it without looking at a
// model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "plan/name_pattern.h"
#include "plan/plan_file.h"
#include "session/registries.h"

namespace brainsurgery {

// A plan without inputs creates its tensors under this alias.
inline constexpr const char* kImplicitAlias = "model";

// A reference of an edit. Pointers are into the edit's spec.
struct PreparedRef {
  const TensorRef* ref = nullptr;
  Role role;  // of its field, for this spec
  std::string alias;
  std::optional<NamePattern> pattern;     // Role::Names::pattern
  std::optional<NameTemplate> expansion;  // Role::Names::derived
  std::string where;                      // "copy.from", "concat.from[1]"
};

struct PreparedEdit {
  const Edit* edit = nullptr;
  std::shared_ptr<const void> spec;
  std::vector<PreparedRef> refs;  // in the order of the schema
};

struct PreparedStep {
  int index = 0;
  std::string command;
  SourceSpan span;
  std::variant<PreparedEdit, Assertion> action;
};

// The steps in order; those with mistakes, which are reported, are missing.
[[nodiscard]] std::vector<PreparedStep> prepare_steps(const Plan& plan, const Registries& registries,
                                                      Diagnostics& diagnostics);

}  // namespace brainsurgery
