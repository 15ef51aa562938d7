// Opens the checkpoints that a plan reads, and keeps them open.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/events.h"
#include "brainsurgery/format.h"
#include "plan/plan_file.h"

namespace brainsurgery {

// What stays of a checkpoint once its tensors have become expressions.
struct OpenedCheckpoint {
  Checkpoint checkpoint;  // without tensors
  std::int64_t tensors = 0;
  std::vector<std::shared_ptr<const ReadableFile>> files;  // what they stand in
};

class OpenedCheckpoints {
 public:
  // `threads` read headers; `may_recover`: publications that were interrupted may be finished.
  OpenedCheckpoints(Env& env, const FormatRegistry& formats, EventSink& events, const Plan& plan, int threads,
                    bool may_recover)
      : env_(env), formats_(formats), events_(events), plan_(plan), threads_(threads), may_recover_(may_recover) {}

  // A file or directory; `alias` is for the report. Hands the tensors out. Throws Error(run).
  std::pair<std::shared_ptr<const OpenedCheckpoint>, std::vector<TensorEntry>> open(const std::string& alias,
                                                                                    const std::string& path);
  // Everything that was opened, in order.
  [[nodiscard]] const std::vector<std::shared_ptr<const OpenedCheckpoint>>& all() const { return all_; }

 private:
  void finish_publication(const std::string& directory);

  Env& env_;
  const FormatRegistry& formats_;
  EventSink& events_;
  const Plan& plan_;
  int threads_;
  bool may_recover_;
  std::vector<std::shared_ptr<const OpenedCheckpoint>> all_;
};

// Throws Error(run) for a directory that a killed run left half published: what its files say is of two checkpoints.
void refuse_half_published(Env& env, const std::string& directory);

// The path with its links resolved as far as it exists: two spellings of one place are equal.
[[nodiscard]] std::string canonical_path(const std::string& path);

}  // namespace brainsurgery
