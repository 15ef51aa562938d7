// The second pass: does what the first one queued, in plan order.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "session/known_values.h"
#include "session/publish_output.h"
#include "session/run_plan.h"

namespace brainsurgery {

class Performer {
 public:
  using Examine = std::function<void(const std::string& staged_path)>;
  using Inputs = std::vector<std::shared_ptr<const OpenedCheckpoint>>;

  // `options`: with resources.
  Performer(Env& env, const SessionOptions& options, EventSink& events);

  // Makes the numbers that effects of the section ask for before its files are written. Before its first effect; the
  // section must outlive the last.
  void begin(const RunPlan::Section& section);
  // Prints, or throws the failure of an assertion or comparison, and Error(run). Saves are published instead.
  void perform(const Effect& effect);
  // Writes and publishes the files of the section; gives what was moved. `waiting`: effects that wait for them, since
  // their programs find what these ask for. `settle` performs them, before anything is published. Where they are sure to
  // fail without that, nothing is written. `inputs`: what the effects' tensors were read from. `examine` sees what was
  // written before it is published, and throws where it must not be.
  ByteCounts publish(const RunPlan::Section& section, const Inputs& inputs, std::span<const Effect> waiting,
                     const std::function<void()>& settle, const Examine& examine);

  // Answers questions about tensors besides.
  [[nodiscard]] DataSource& data() {
    looked_at_ = 0;
    work_.clear();
    return looker_;
  }
  // Bytes of inputs that were read for assertions and reports so far.
  [[nodiscard]] std::int64_t value_bytes() const { return looker_.moved().read; }

 private:
  void perform(const CheckEffect& effect, const Effect& whole);
  void perform(const ReportEffect& effect, const Effect& whole);
  // Makes the numbers of a plan and remembers them.
  void learn(const ValuePlan& plan);
  // Whether one of the effects is sure to fail.
  [[nodiscard]] bool fail_anyhow(std::span<const Effect> waiting);
  bool write(const BoundOutput& output, Executor& executor, Publication& publication);

  Env& env_;
  const SessionOptions& options_;
  EventSink& events_;
  ThreadPool pool_;
  std::int64_t looked_at_ = 0;  // bytes that the effects at hand have read
  std::string work_;            // what they are, for whoever watches
  Executor looker_;             // makes numbers
  KnownValues known_;
  bool published_ = false;
  // What outputs made as a whole that later ones need, and the compiler that these share.
  std::shared_ptr<Executor::Run> made_;
  std::shared_ptr<const Compiler> compiler_;
};

// The failure of a check as it is shown: the first line of the reason is the message; further ones, of the alternatives
// of an `any`, are notes.
[[nodiscard]] Diagnostic failure_of(const Verdict& verdict, const SourceSpan& span);

}  // namespace brainsurgery
