// The plan as the assertion, query or control at hand sees it. What it prints and reports becomes effects of the plan.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/registries.h"
#include "session/missing_names.h"
#include "session/model_changes.h"
#include "session/model_documents.h"
#include "session/models.h"
#include "session/step_files.h"
#include "session/step_names.h"
#include "steps/plan_scope.h"

namespace brainsurgery {

class StepScope final : public PlanScope {
 public:
  using Execute = std::function<void(const std::vector<PlanStep>&, std::optional<std::string> default_alias)>;

  // Everything is kept by reference. `execute` does steps within the one at hand.
  StepScope(Env& env, const Registries& registries, StepBinding& step, Models& models, StepNames& names,
            const MissingNames& missing, ModelChanges& changes, ModelDocuments& documents, StepFiles& files,
            PlanState& state, Execute execute)
      : env_(env),
        registries_(registries),
        step_(step),
        models_(models),
        names_(names),
        missing_(missing),
        changes_(changes),
        documents_(documents),
        files_(files),
        state_(state),
        execute_(std::move(execute)) {}

  // NameScope.
  [[nodiscard]] std::vector<FoundTensor> select(const TensorRef& ref) override;
  [[nodiscard]] std::int64_t count_matches(const TensorRef& ref) override;
  [[nodiscard]] std::vector<std::pair<FoundTensor, FoundTensor>> select_pairs(const TensorRef& pattern,
                                                                              const TensorRef& derived) override;
  [[nodiscard]] std::string describe(const TensorRef& ref) const override { return step_.describe(ref); }
  [[nodiscard]] Error no_match(const TensorRef& ref) const override;
  [[nodiscard]] Error missing(const TensorRef& derived, const FoundTensor& tensor) const override;
  AccessCounts count_read(const FoundTensor& tensor) override;

  // QueryScope.
  [[nodiscard]] std::optional<std::string> default_alias() const override { return step_.step.default_alias; }
  [[nodiscard]] std::vector<std::string> aliases() const override { return models_.aliases(); }
  [[nodiscard]] std::vector<FoundTensor> tensors_of(const std::string& alias) override;
  void take_slice(const TensorRef& ref, FoundTensor& tensor) override;
  [[nodiscard]] Catalog catalog() const override;
  void print(std::string text) override { step_.print(std::move(text)); }
  void report(Report report) override;
  void announce(std::string line) override { step_.announce(line); }

  // PlanScope.
  void load(const LoadRequest& request) override { files_.load(request); }
  void save(const SaveRequest& request) override { files_.save(request); }
  std::vector<DocumentChange> edit_document(const DocumentEdit& edit) override;
  void edit_metadata(const std::string& alias, const MetadataEdit& edit) override;
  [[nodiscard]] std::optional<JsonValue> document(const std::string& alias, const std::string& name) override;
  [[nodiscard]] std::optional<std::string> metadata(const std::string& alias, const std::string& key) override;
  void write_tensors(const std::string& alias, std::vector<NewTensor> tensors) override;
  [[nodiscard]] std::vector<std::string> partners(const std::string& alias, const std::string& name) override;
  void warn(std::string message) override { step_.warn(step_.step.span, std::move(message)); }
  void change_names(const std::string& alias, const std::vector<NameChange>& changes) override;
  void add_alias(const std::string& alias) override;
  void remove_alias(const std::string& alias) override;
  void rename_alias(const std::string& from, const std::string& to) override;
  [[nodiscard]] const PlanFlags& flags() const override { return state_.flags; }
  void set_flags(const PlanFlags& flags) override { state_.set_flags(flags); }
  void exit() override { state_.exited = true; }
  void execute(const std::vector<PlanStep>& steps, std::optional<std::string> default_alias) override;
  [[nodiscard]] std::string read_text(const std::string& path) override;

 private:
  template <typename Visit>
  void for_each_name(const TensorRef& ref, const Visit& visit);
  [[nodiscard]] FoundTensor found(const std::string& alias, const std::string& name, const NamedTensor& tensor,
                                  const TensorRef& ref);
  void look_at_all(const std::string& alias) { step_.looked_at.push_back({alias, "", false}); }

  Env& env_;
  const Registries& registries_;
  StepBinding& step_;
  Models& models_;
  StepNames& names_;
  const MissingNames& missing_;
  ModelChanges& changes_;
  ModelDocuments& documents_;
  StepFiles& files_;
  PlanState& state_;
  Execute execute_;
};

}  // namespace brainsurgery
