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
  [[nodiscard]] Completion complete(std::string_view text, Typed typed);
  [[nodiscard]] std::string hint(std::string_view text) const;
  [[nodiscard]] std::vector<TensorChange> preview(const std::shared_ptr<const SourceText>& text);
  StepsReport open(const std::string& alias, const std::string& path);
  StepsReport save(const std::string& alias, const std::string& path);
  [[nodiscard]] bool ended() const { return run_.binder().state().exited; }
  [[nodiscard]] bool can_undo() const { return !done_.empty(); }
  [[nodiscard]] bool can_redo() const { return !undone_.empty(); }
  bool undo();
  bool redo();
  [[nodiscard]] Delta delta() const;
  [[nodiscard]] std::vector<std::string> aliases() const { return run_.binder().models().aliases(); }
  [[nodiscard]] std::vector<std::string> names(const std::string& alias, std::string_view prefix);
  [[nodiscard]] std::vector<TensorInfo> tensors(const std::string& alias, std::string_view prefix);
  [[nodiscard]] std::vector<std::string> matching(const std::string& alias, const std::string& pattern);
  [[nodiscard]] TensorOrigin origin(const std::string& alias, const std::string& name);
  [[nodiscard]] TensorPicture picture(const PictureQuery& query);
  [[nodiscard]] TensorBlock block(const BlockQuery& query);
  [[nodiscard]] std::vector<double> row_norms(const std::string& alias, const std::string& name);
  [[nodiscard]] std::optional<TensorDistance> distance(const TensorName& a, const TensorName& b);
  [[nodiscard]] TensorValue value(const ValueQuery& query);
  [[nodiscard]] TensorProfile profile(const ProfileQuery& query);
  [[nodiscard]] std::vector<DoneStep> history() const;
  [[nodiscard]] std::string plan_text() const;
  RunReport write();

 private:
  // A step that was done. `number` is the next step's before it.
  struct Done {
    PlanRun::Position before;
    int number;
    PlanStep written;
  };
  // A step that was taken back. `number` is the next step's behind it.
  struct Undone {
    Done step;
    PlanRun::Cut result;
    int number;
  };

  [[nodiscard]] StepDecoder decoder() const;
  // Throws the mistakes of all of them; warnings are events.
  [[nodiscard]] std::vector<PreparedStep> prepare(const std::vector<PlanStep>& steps) const;
  StepsReport perform(const std::vector<PlanStep>& steps);
  [[nodiscard]] bool needs_keys(const PlanStep& step) const;
  // Names that begin with the word, as references write them; aliases first where there are several.
  [[nodiscard]] std::vector<std::string> references(std::string_view word);
  [[nodiscard]] std::vector<std::string> paths(std::string_view word);
  // The workspace of an earlier state, with the inputs that were opened since.
  [[nodiscard]] Workspace workspace_of(const PlanState& state) const;
  [[nodiscard]] const Expr& find_tensor(const std::string& alias, const std::string& name);
  template <typename Visit>
  void for_each_tensor(const std::string& alias, std::string_view prefix, const Visit& visit);

  Env& env_;
  const Registries& registries_;
  EventSink& events_;
  std::shared_ptr<Cancellation> cancellation_;
  PlanRun run_;
  int next_step_ = 0;  // of all steps, the plan's and those done since: seeds depend on it
  std::vector<Done> done_;
  std::vector<Undone> undone_;  // the last one can be put back
};

}  // namespace brainsurgery
