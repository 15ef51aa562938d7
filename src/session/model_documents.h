// What models have beside their tensors, as steps read and edit it: JSON documents of their folders, and metadata pairs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/env.h"
#include "brainsurgery/format.h"
#include "documents/document.h"
#include "session/models.h"
#include "session/step_binding.h"
#include "steps/plan_scope.h"

namespace brainsurgery {

class ModelDocuments {
 public:
  ModelDocuments(Env& env, const FormatRegistry& formats, StepBinding& step, Models& models, PlanState& state)
      : env_(env), formats_(formats), step_(step), models_(models), state_(state) {}

  // config.json as it is at the step; of an adapter adapter_config.json; an empty object where there is neither.
  [[nodiscard]] JsonValue config(const std::string& alias);
  // nullopt: the model has none of this name.
  [[nodiscard]] std::optional<JsonValue> find(const std::string& alias, const std::string& name);
  // As PlanScope has them; the model counts as changed only once the caller says so.
  std::vector<DocumentChange> edit(const DocumentEdit& edit);
  void edit_metadata(const std::string& alias, const MetadataEdit& edit);

 private:
  [[nodiscard]] Document document(const std::string& alias, const std::string& name, bool may_create) const;
  // nullopt: the model has none of this name, as `problem` then says.
  [[nodiscard]] std::optional<Document> find_document(const std::string& alias, const std::string& name,
                                                      std::string& problem) const;
  void require_pairs(const std::string& format, const MetadataEdit& edit) const;
  void erase(const DocumentEdit& edit, Document& document) const;
  void set(const DocumentEdit& edit, Document& document) const;

  Env& env_;
  const FormatRegistry& formats_;
  StepBinding& step_;
  Models& models_;
  PlanState& state_;
};

}  // namespace brainsurgery
