// The second pass: does what the first one queued, in plan order.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "session/effects.h"
#include "session/publish_output.h"

namespace brainsurgery {

class Performer {
 public:
  // `options`: with resources.
  Performer(Env& env, const SessionOptions& options, EventSink& events);

  // `inputs`: what the effects' tensors were read from. Throws the failure of an assertion or comparison, and
  // Error(run). Gives what was moved into an output.
  ByteCounts perform(const Effect& effect, const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs);
  // `settle`: performs the effects that wait for the output, `waiting`, before anything is published: what its programs
  // answered is known then. Where they are sure to fail without that, nothing is written.
  ByteCounts publish(const BoundOutput& output, const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                     std::span<const Effect> waiting, const std::function<void()>& settle);
  [[nodiscard]] DataSource& data() { return *source_; }

 private:
  void perform(const CheckEffect& effect, const Effect& whole);
  void perform(const ReportEffect& effect, const Effect& whole);

  const SessionOptions& options_;
  EventSink& events_;
  ThreadPool pool_;
  std::int64_t looked_at_ = 0;  // bytes that the effect at hand has read
  Executor looker_;             // answers checks and reports
  // Know more while an output is settled.
  DataOracle* oracle_ = &looker_;
  DataSource* source_ = &looker_;
  Publisher publisher_;
};

// The failure of a check as it is shown: the first line of the reason is the message; further ones, of the alternatives
// of an `any`, are notes.
[[nodiscard]] Diagnostic failure_of(const Verdict& verdict, const SourceSpan& span);

}  // namespace brainsurgery
