// A step whose payload is decoded and whose patterns are compiled: all that can be said of it without looking at a
// model.
//
//   StepDecoder decoder(registries, default_alias, aliases);
//   if (std::optional<PreparedStep> step = decoder.decode(plan_step, index, diagnostics)) ...
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan/name_pattern.h"
#include "plan/plan_file.h"
#include "session/registries.h"

namespace brainsurgery {

// A plan without inputs creates its tensors under this alias.
inline constexpr const char* kImplicitAlias = "model";

// A reference of an edit. Pointers are into the edit's schema and spec.
struct PreparedRef {
  const Field* field = nullptr;
  const TensorRef* ref = nullptr;
  Role role;  // of its field, for this spec
  std::string alias;
  std::optional<NamePattern> pattern;     // Role::Names::pattern
  std::optional<NameTemplate> expansion;  // Role::Names::derived
  std::string where;                      // "copy.from", "concat.from[1]"
  std::size_t operand = 0;                // of a role that reads: the number of its field among those that do
};

struct PreparedStep {
  const Step* step = nullptr;
  int index = 0;  // in its list of steps, from 0
  SourceSpan span;
  YamlPtr payload;
  std::shared_ptr<const void> spec;
  std::optional<std::string> default_alias;  // of references without one
  std::vector<PreparedRef> refs = {};        // of an Edit, in the order of the schema
  std::size_t operand_fields = 0;            // of an Edit: how many fields read

  [[nodiscard]] const std::string& name() const { return step->schema.name; }
};

// Decodes steps one after another; what a step introduces is known to those behind it.
class StepDecoder {
 public:
  // `aliases`: those that exist before the first step.
  StepDecoder(const Registries& registries, std::optional<std::string> default_alias,
              std::set<std::string, std::less<>> aliases);

  // nullopt after mistakes, which are reported.
  [[nodiscard]] std::optional<PreparedStep> decode(const PlanStep& step, int index, Diagnostics& diagnostics);
  // A step that may have introduced an alias could not be read: nobody knows which aliases later steps may use.
  [[nodiscard]] bool lost_aliases() const { return lost_aliases_; }

 private:
  const Registries& registries_;
  std::optional<std::string> default_alias_;
  std::set<std::string, std::less<>> aliases_;
  bool lost_aliases_ = false;
};

// For steps behind or of the plan: references without an alias mean that of its only input.
[[nodiscard]] StepDecoder plan_decoder(const Plan& plan, const Registries& registries,
                                       std::set<std::string, std::less<>> aliases);

// The steps of a plan in order, as far as they can be decoded; those with mistakes, which are reported, are missing.
[[nodiscard]] std::vector<PreparedStep> prepare_steps(const Plan& plan, const Registries& registries,
                                                      Diagnostics& diagnostics);

}  // namespace brainsurgery
