// What of the step at hand is decoded only now that models are known: payloads with names that models give, and open
// parts, match by match.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "session/model_documents.h"
#include "session/model_scope.h"
#include "session/models.h"
#include "session/step_binding.h"
#include "session/step_parts.h"

namespace brainsurgery {

class LateParts {
 public:
  // Everything is kept by reference.
  LateParts(Env& env, const Registries& registries, const Plan& plan, StepBinding& step, Models& models,
            ModelDocuments& documents);

  // The parts of the step; none after mistakes, which were reported.
  [[nodiscard]] const std::vector<StepPartPtr>& all();
  // The part that an open one becomes for these values. Throws Error(plan).
  [[nodiscard]] StepPartPtr closed(const StepPart& open, const Variables& values) const;
  // What expressions of the step may ask of models.
  [[nodiscard]] const ModelScope& models() const { return scope_; }

 private:
  template <typename Make>
  [[nodiscard]] auto with_maker(const Make& make) const;

  const Registries& registries_;
  const Plan& plan_;
  StepBinding& step_;
  const Models& models_;
  ModelScope scope_;
  std::vector<StepPartPtr> parts_;
};

}  // namespace brainsurgery
