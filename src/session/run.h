// A plan that goes on step by step: what stands behind the public handle of the same name, which catches what this
// throws.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/session.h"
#include "session/plan_run.h"

namespace brainsurgery {

class Run::Impl {
 public:
  // Does the plan's steps. Throws as PlanRun::start.
  Impl(Env& env, const Registries& registries, EventSink& events, const SessionOptions& options,
       const PlanSource& source, Confirm confirm);

  [[nodiscard]] Cancellation* cancellation() const { return cancellation_.get(); }
  [[nodiscard]] bool wants_more(std::string_view lines) const;
  StepsReport step(const std::shared_ptr<const SourceText>& text);
  [[nodiscard]] bool ended() const { return run_.binder().state().exited; }
  bool undo();
  bool redo();
  [[nodiscard]] Delta delta() const;
  [[nodiscard]] std::vector<std::string> aliases() const { return run_.binder().models().aliases(); }
  [[nodiscard]] std::vector<std::string> names(const std::string& alias, std::string_view prefix);
  [[nodiscard]] std::vector<TensorInfo> tensors(const std::string& alias, std::string_view prefix);
  [[nodiscard]] TensorValue value(const ValueQuery& query);
  RunReport write();

 private:
  // A step that was done. `number` is the next step's before it.
  struct Done {
    PlanRun::Position before;
    int number;
  };
  // A step that was taken back. `number` is the next step's behind it.
  struct Undone {
    Done step;
    PlanRun::Cut result;
    int number;
  };

  [[nodiscard]] StepDecoder decoder() const;
  [[nodiscard]] bool needs_keys(const PlanStep& step) const;
  template <typename Visit>
  void for_each_tensor(const std::string& alias, std::string_view prefix, const Visit& visit);

  const Registries& registries_;
  EventSink& events_;
  std::shared_ptr<Cancellation> cancellation_;
  PlanRun run_;
  int next_step_ = 0;  // of all steps, the plan's and those done since: seeds depend on it
  std::vector<Done> done_;
  std::vector<Undone> undone_;  // the last one can be put back
};

}  // namespace brainsurgery
