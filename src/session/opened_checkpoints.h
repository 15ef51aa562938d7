// Opens the checkpoints that a plan reads, and keeps them open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/events.h"
#include "brainsurgery/format.h"

namespace brainsurgery {

// What stays of a checkpoint once its tensors have become expressions.
struct OpenedCheckpoint {
  Checkpoint checkpoint;  // without tensors
  std::int64_t tensors = 0;
  std::vector<std::shared_ptr<const ReadableFile>> files;  // that hold their bytes, each once
};

class OpenedCheckpoints {
 public:
  // `threads` read headers. `targets` gives the paths that the plan writes to: a publication into one of them that was
  // interrupted is finished before it is read.
  OpenedCheckpoints(Env& env, const FormatRegistry& formats, EventSink& events, int threads,
                    std::function<std::vector<std::string>()> targets)
      : env_(env), formats_(formats), events_(events), threads_(threads), targets_(std::move(targets)) {}

  // A file or directory; `alias` is for the report. Hands the tensors out. Throws Error(run).
  std::pair<std::shared_ptr<const OpenedCheckpoint>, std::vector<TensorEntry>> open(const std::string& alias,
                                                                                    const std::string& path);
  // Everything that was opened, in order.
  [[nodiscard]] const std::vector<std::shared_ptr<const OpenedCheckpoint>>& all() const { return all_; }
  // Names in an existing directory that they consist of.
  [[nodiscard]] std::vector<std::string> owned_files(const std::string& directory) const;

 private:
  [[nodiscard]] Checkpoint open_finished(const std::string& path);
  [[nodiscard]] bool is_written_to(const std::string& directory) const;

  Env& env_;
  const FormatRegistry& formats_;
  EventSink& events_;
  int threads_;
  std::function<std::vector<std::string>()> targets_;
  std::vector<std::shared_ptr<const OpenedCheckpoint>> all_;
};

// The path with its links resolved as far as it exists: two spellings of one place are equal.
[[nodiscard]] std::string canonical_path(Env& env, const std::string& path);

// Do both paths lead to one file or directory that exists?
[[nodiscard]] bool same_entry(Env& env, const std::string& a, const std::string& b);

}  // namespace brainsurgery
