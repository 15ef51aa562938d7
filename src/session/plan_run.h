// One plan from its text to its effects: the order in which a session does things.
//
//   PlanRun run(env, registries, events, options, PlanRun::Purpose::perform);
//   run.bind(source);            // the first pass; throws every mistake
//   run.perform();               // the second
//   RunReport report = run.report();
//
// or, for a prompt, with further steps between the plan's and its output:
//
//   run.start(source);
//   run.do_step(step, {1, 1});  ...
//   run.finish();
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "session/binder.h"
#include "session/lock.h"
#include "session/performer.h"

namespace brainsurgery {

class PlanRun {
 public:
  enum class Purpose : std::uint8_t {
    perform,
    look,  // nothing is written and nothing repaired
  };

  PlanRun(Env& env, const Registries& registries, EventSink& events, const SessionOptions& options, Purpose purpose);

  // Reads the plan and performs its steps on headers. Throws every mistake, every input that cannot be opened, or every
  // assertion that headers decide against; what the steps before it print by headers alone is printed first.
  void bind(const PlanSource& source);
  // The effects that were queued, in plan order; then, unless the plan is a dry run by now, its output.
  void perform();

  // Binds and performs the plan's steps, not its output.
  void start(const PlanSource& source);
  // Binds and performs one more step. False: its preview says that it is not to be done. Throws its mistakes, what it
  // cannot read, and the failure of what it performs; the run is then as it was before.
  bool do_step(const PreparedStep& step, const StepPlace& place);
  // Binds the steps without performing them, calls `look`, and takes them back. Throws their mistakes.
  void foresee(const std::vector<PreparedStep>& steps, const std::function<void()>& look);
  void print_preview_totals();
  // What the run was before a step, and what came behind it.
  struct Position {
    Binder::Mark binder;
    int bound_steps;
  };
  struct Cut {
    Binder::Cut binder;
    std::vector<ByteCounts> moved;
    int bound_steps = 0;
  };
  [[nodiscard]] Position position() const { return {binder_->mark(), bound_steps_}; }
  // Takes everything back that was done behind the position.
  [[nodiscard]] Cut cut(const Position& position);
  // Puts it in place again, where it was cut.
  void put_back(Cut cut);
  // Answers questions about tensors of steps that were done.
  [[nodiscard]] DataSource& data() { return performer_->data(); }
  // Opens the input of `alias` if that was not done yet. False where there is none or it cannot be opened; then nothing
  // has changed.
  bool look_into(const std::string& alias);
  // Binds the output and performs it.
  void finish();

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const Binder& binder() const { return *binder_; }
  [[nodiscard]] Binder& binder() { return *binder_; }
  [[nodiscard]] const BoundOutput* output() const { return output_ ? &*output_ : nullptr; }
  // Of what is to be done once everything is bound.
  [[nodiscard]] const RunPlan& run_plan() const { return *run_; }
  [[nodiscard]] const SessionOptions& options() const { return options_; }
  [[nodiscard]] RunReport report() const;

 private:
  void bind_plan();
  void bind_steps(std::vector<PreparedStep> steps);
  void warn_of_pending_publications();
  void bind_target();
  void throw_mistakes(const Diagnostics& diagnostics) const;
  void throw_failed_assertions(std::size_t end);
  // Plans the effects that are not done, and the output; adds what they take to the report.
  void plan_rest(BoundOutput* output);
  // Those of the plan's section, up to number `end`.
  void perform_effects(std::size_t end);
  void perform_section(const RunPlan::Section& section);
  // The number of the first effect of the section that waits for its files, since their programs find what it asks for.
  [[nodiscard]] std::size_t first_with_files(const RunPlan::Section& section) const;
  // What was queued before effect number `end` and needs no data; the user is told of what does.
  void print_known(std::size_t end);
  void write_summary();
  void follow_lock(const std::string& path);
  void examine_inputs();
  void examine(const BoundOutput& output, const std::string& staged_path);
  [[nodiscard]] bool wants_digests() const { return !options_.lock_path.empty(); }
  void write_lock();
  void write_text(const std::string& path, const std::string& text);
  void predict_peak();
  void warn(std::string message, const SourceSpan& span = {});

  Env& env_;
  const Registries& registries_;
  EventSink& events_;
  const SessionOptions options_;  // with resources
  Purpose purpose_;
  PlanSource source_;
  YamlPtr text_;  // of the plan: its files merged, with the values from outside
  Plan plan_;
  std::optional<Lock> lock_;                                // that the run is held to
  std::map<std::string, std::string> input_digests_;        // by alias
  std::map<const BoundOutput*, std::string> output_digests_;
  Diagnostics diagnostics_;
  std::optional<Binder> binder_;
  std::optional<BoundOutput> output_;
  std::optional<RunPlan> run_;  // of what is to be done
  ValueCosts costs_;            // of everything that was planned
  std::int64_t assertion_bytes_ = 0;
  std::optional<Performer> performer_;
  std::size_t performed_ = 0;      // effects
  std::vector<ByteCounts> moved_;  // by the effects performed
  std::optional<ByteCounts> output_moved_;
  std::optional<std::size_t> first_mistake_;  // the number of effects before it
  int bound_steps_ = 0;
  std::int64_t predicted_peak_bytes_ = 0;
};

}  // namespace brainsurgery
