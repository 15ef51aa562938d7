// Models and tensors that a step loads from files and saves to them.
#pragma once

#include <memory>
#include <string>

#include "brainsurgery/session.h"
#include "session/missing_names.h"
#include "session/model_changes.h"
#include "session/models.h"
#include "session/output.h"

namespace brainsurgery {

class StepFiles {
 public:
  // Everything is kept by reference. `compiler`: of the files that are planned together.
  StepFiles(Env& env, const FormatRegistry& formats, const SessionOptions& options,
            const std::shared_ptr<Compiler>& compiler, const OpenedCheckpoints& checkpoints, StepBinding& step,
            Models& models, const MissingNames& missing, ModelChanges& changes, PlanState& state)
      : env_(env),
        formats_(formats),
        options_(options),
        compiler_(compiler),
        checkpoints_(checkpoints),
        step_(step),
        models_(models),
        missing_(missing),
        changes_(changes),
        state_(state) {}

  // Throw Error(plan) for a mistake, Error(run) for what cannot be opened or must not be overwritten.
  void load(const LoadRequest& request);
  void save(const SaveRequest& request);

 private:
  void load_tensor(const LoadRequest& request, const std::string& name);
  [[nodiscard]] ModelContent content_of(const SaveRequest& request);
  [[nodiscard]] std::shared_ptr<BoundOutput> bound(const SaveRequest& request, const ModelContent& content) const;
  void require_unpublished(const std::string& path);

  Env& env_;
  const FormatRegistry& formats_;
  const SessionOptions& options_;
  const std::shared_ptr<Compiler>& compiler_;
  const OpenedCheckpoints& checkpoints_;
  StepBinding& step_;
  Models& models_;
  const MissingNames& missing_;
  ModelChanges& changes_;
  PlanState& state_;
};

}  // namespace brainsurgery
