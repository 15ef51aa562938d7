// A step whose payloads are decoded and whose patterns are compiled: all that can be said of it without looking at a
// model. One with expressions over a model's config or shapes is decoded when it is bound.
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
#include "session/step_parts.h"

namespace brainsurgery {

// A plan without inputs creates its tensors under this alias.
inline constexpr const char* kImplicitAlias = "model";

struct PreparedStep {
  const Step* step = nullptr;
  int index = 0;  // in its list of steps, from 0
  SourceSpan span;
  YamlPtr payload;                           // as written
  std::optional<std::string> default_alias;  // of references without one
  std::vector<StepPartPtr> parts = {};       // none: names in the payload have values when models are known

  [[nodiscard]] const std::string& name() const { return step->schema.name; }
};

// Decodes steps one after another; what a step introduces is known to those behind it.
class StepDecoder {
 public:
  // `aliases`: those that exist before the first step.
  StepDecoder(const Registries& registries, std::optional<std::string> default_alias,
              std::set<std::string, std::less<>> aliases, PlanParameters parameters = {});

  // nullopt after mistakes, which are reported.
  [[nodiscard]] std::optional<PreparedStep> decode(const PlanStep& step, int index, Diagnostics& diagnostics);
  // A step that may have introduced an alias could not be read: nobody knows which aliases later steps may use.
  [[nodiscard]] bool lost_aliases() const { return lost_aliases_; }

 private:
  const Registries& registries_;
  std::optional<std::string> default_alias_;
  std::set<std::string, std::less<>> aliases_;
  PlanParameters parameters_;
  bool lost_aliases_ = false;
};

// For steps behind or of the plan: references without an alias mean that of its only input.
[[nodiscard]] StepDecoder plan_decoder(const Plan& plan, const Registries& registries,
                                       std::set<std::string, std::less<>> aliases);

// The steps of a plan in order, as far as they can be decoded; those with mistakes, which are reported, are missing.
[[nodiscard]] std::vector<PreparedStep> prepare_steps(const Plan& plan, const Registries& registries,
                                                      Diagnostics& diagnostics);

}  // namespace brainsurgery
