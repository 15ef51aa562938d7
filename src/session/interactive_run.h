// A plan that goes on step by step: what stands behind the public handle of the same name, which catches what this
// throws.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/session.h"
#include "session/plan_run.h"

namespace brainsurgery {

class InteractiveRun::Impl {
 public:
  // Does the plan's steps. Throws as PlanRun::start.
  Impl(Env& env, const Registries& registries, EventSink& events, const SessionOptions& options,
       const PlanSource& source, Confirm confirm);

  [[nodiscard]] Cancellation* cancellation() const { return cancellation_.get(); }
  [[nodiscard]] bool wants_more(std::string_view lines) const;
  SubmissionReport submit(const std::shared_ptr<const SourceText>& text);
  [[nodiscard]] bool ended() const { return run_.binder().state().exited; }
  RunReport finish();
  [[nodiscard]] std::vector<std::string> aliases() const { return run_.binder().aliases(); }
  [[nodiscard]] std::vector<std::string> names(const std::string& alias, std::string_view prefix);

 private:
  [[nodiscard]] StepDecoder decoder() const;
  [[nodiscard]] bool needs_keys(const PlanStep& step) const;

  const Registries& registries_;
  EventSink& events_;
  std::shared_ptr<Cancellation> cancellation_;
  PlanRun run_;
  int next_step_ = 0;  // of all steps, the plan's and those submitted: seeds depend on it
};

}  // namespace brainsurgery
