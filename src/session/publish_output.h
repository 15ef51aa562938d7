// The second pass of an output: writes its files beside their place and publishes them.
#pragma once

#include "brainsurgery/events.h"
#include "exec/executor.h"
#include "publish/staged_file.h"
#include "session/opened_checkpoints.h"
#include "session/output.h"

namespace brainsurgery {

// Called when the files are complete, before anything of them is published; it may throw.
using Settle = std::function<void()>;

// Publishes the outputs of one run, in plan order.
class Publisher {
 public:
  Publisher(Env& env, const SessionOptions& options, EventSink& events)
      : env_(env), options_(options), events_(events) {}

  // Gives what was moved. Throws Error(run) and leaves what was there. `inputs`: compared with what they were when they
  // were opened, before anything is published.
  ByteCounts publish(const BoundOutput& output, Executor& executor,
                     const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs, const Settle& settle);

 private:
  void publish_directory(const BoundOutput& output, Executor& executor,
                         const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                         const PublishOptions& options, const Settle& settle);
  void require_unchanged(const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                         const BoundOutput& output) const;

  Env& env_;
  const SessionOptions& options_;
  EventSink& events_;
  bool published_ = false;  // an input may have been replaced or linked by ourselves
};

}  // namespace brainsurgery
