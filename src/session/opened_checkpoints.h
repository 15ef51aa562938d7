// Opens the checkpoints that a plan reads, and keeps them open.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/events.h"
#include "brainsurgery/format.h"
#include "plan/plan_file.h"

namespace brainsurgery {

class OpenedCheckpoints {
 public:
  // `may_recover`: publications that were interrupted may be finished.
  OpenedCheckpoints(Env& env, const FormatRegistry& formats, EventSink& events, const Plan& plan, bool may_recover)
      : env_(env), formats_(formats), events_(events), plan_(plan), may_recover_(may_recover) {}

  // A file or directory; `alias` is for the report. Throws Error(run).
  std::shared_ptr<const Checkpoint> open(const std::string& alias, const std::string& path);
  // Everything that was opened, in order.
  [[nodiscard]] const std::vector<std::shared_ptr<const Checkpoint>>& all() const { return all_; }

 private:
  void finish_publication(const std::string& directory);

  Env& env_;
  const FormatRegistry& formats_;
  EventSink& events_;
  const Plan& plan_;
  bool may_recover_;
  std::vector<std::shared_ptr<const Checkpoint>> all_;
};

// Throws Error(run) for a directory that a killed run left half published: what its files say is of two checkpoints.
void refuse_half_published(Env& env, const std::string& directory);

// The path with its links resolved as far as it exists: two spellings of one place are equal.
[[nodiscard]] std::string canonical_path(const std::string& path);

}  // namespace brainsurgery
