// An output on its way to its place: prepare, attach what is written, commit.
//
//   Publication publication(env, options, events, output);      // prepares: refuses what cannot be published
//   executor.write(tasks, [&](std::size_t i) -> WritableFile& { return publication.attach(i); });
//   publication.commit(inputs, report);
//
// One that is not committed leaves nothing behind.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/events.h"
#include "publish/staged_directory.h"
#include "publish/staged_file.h"
#include "session/opened_checkpoints.h"
#include "session/output.h"

namespace brainsurgery {

class Publication {
 public:
  // Finishes or takes back what an earlier run left at this place. Throws Error(run).
  Publication(Env& env, const SessionOptions& options, EventSink& events, const BoundOutput& output);

  // File number i of the output, to be written.
  [[nodiscard]] WritableFile& attach(std::size_t i);
  // The folder or the file that has what was written, until it is committed.
  [[nodiscard]] const std::string& staged_path() const;
  // What is said of a failure while the files are written.
  [[nodiscard]] std::string failure_note() const;

  // `inputs`: compared with what they were when they were opened, before anything is published. `replaced_some`: this
  // run has published before, and may have replaced or linked some of them. `moved`: while the files were written. Throws
  // Error(run) and leaves what was there.
  void commit(const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs, bool replaced_some,
              const ByteCounts& moved);

 private:
  void stage_directory(const PublishOptions& options);
  void commit_directory(const ByteCounts& moved);
  void require_unchanged(const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs, bool replaced_some) const;
  void require_unchanged(const ReadableFile& file, bool replaced_some) const;
  [[nodiscard]] bool writes_dcp() const;

  Env& env_;
  EventSink& events_;
  const BoundOutput& output_;
  std::optional<StagedFile> file_;  // one of both
  std::optional<StagedDirectory> directory_;
};

}  // namespace brainsurgery
