// A file that appears at its place complete or not at all.
//
//   StagedFile staged(env, "out/model.safetensors", {});
//   staged.file().resize(size);  staged.file().write(0, bytes);  ...
//   staged.commit();                                  // without it the destructor discards everything
//
// It is written beside the target under a hidden name and renamed over it. A link at the target is replaced, not
// written through; a replaced file's permissions are kept. Missing parents are made. Writing over the file that is
// being read is fine: the old content lives as long as it is open. All throw Error(run).
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/env.h"
#include "publish/recovery.h"
#include "publish/staging.h"

namespace brainsurgery {

struct PublishOptions {
  bool overwrite = true;  // false: an existing target is an Error, at the start and again at the end
  bool sync = true;       // wait for the disk, so that a power failure leaves the old or the new; false: for tests
};

class StagedFile {
 public:
  // Refuses folders, FIFOs and devices. Removes what earlier, killed runs left for the same target, and finishes or
  // takes back a publication into its folder that was interrupted.
  StagedFile(Env& env, std::string target, PublishOptions options);

  [[nodiscard]] const std::string& target() const { return target_; }
  [[nodiscard]] bool replaces() const { return before_.has_value(); }
  [[nodiscard]] const Recovery& recovery() const { return recovery_; }
  // To be written, not closed. Several threads may write.
  [[nodiscard]] WritableFile& file() { return staging_->file(); }

  // Where it stands until then, complete once it was written.
  [[nodiscard]] const std::string& staged_path() const { return staging_->path(); }

  // Publishes. Throws, leaving the target alone, if another program changed it since the constructor. Once.
  void commit();

 private:
  void finish_directory();
  void remove_stale_entries();
  void refuse_change() const;

  Env& env_;
  std::string target_;
  PublishOptions options_;
  PathParts parts_;
  Recovery recovery_;
  std::optional<FileStatus> before_;  // what stood at the target at the start, links not followed
  std::optional<Parents> parents_;
  std::optional<StagingEntry> staging_;
  bool committed_ = false;
};

}  // namespace brainsurgery
