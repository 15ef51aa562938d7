// Several files that appear in a folder together or not at all: shards and their index.
//
//   StagedDirectory staged(env, "out", belongs, {});
//   staged.create("model-00001-of-00002.safetensors").write(...);  ...
//   staged.create("model.safetensors.index.json").write(...);       // the index comes last
//   PublishReport report = staged.commit();                        // without it the destructor discards everything
//
// A folder that does not exist is staged beside its place and renamed. In one that exists, the files of the checkpoint
// being replaced (`belongs`) go, equal names are replaced and everything else stays. Where possible that happens at one
// moment, by exchanging the folder with a staged one into which the foreign files are linked; where not (subfolders,
// mount points, the working directory inside, no support by the file system) through a journal that the next run, or
// recover(), finishes (recovery.h). All throw Error(run). Layout of the journal: journal.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/env.h"
#include "publish/recovery.h"
#include "publish/staged_file.h"
#include "publish/staging.h"

namespace brainsurgery {

struct PublishReport {
  bool replaced = false;             // the folder existed
  bool atomic = true;                // false: there was a moment in which readers saw part of the files
  std::vector<std::string> removed;  // names of the old checkpoint that have no successor
  std::vector<std::string> kept;     // foreign names in the folder
  std::string swapped_out;           // the old folder, where it stays for what another program changed in it
};

class StagedDirectory {
 public:
  // `belongs`: does an entry of an existing target belong to the checkpoint that is replaced? A target that is a link
  // to a folder is published where the link points. Without options.overwrite an entry that belongs, or that has the
  // name of a new file, is an Error. Finishes or takes back what earlier, killed runs left for this target.
  StagedDirectory(Env& env, std::string target, std::function<bool(std::string_view name)> belongs,
                  PublishOptions options);
  ~StagedDirectory();
  StagedDirectory(const StagedDirectory&) = delete;
  StagedDirectory& operator=(const StagedDirectory&) = delete;

  [[nodiscard]] const std::string& target() const { return shown_; }
  // What became of an earlier run that was killed.
  [[nodiscard]] const Recovery& recovery() const { return recovery_; }
  // A new file of that plain name, owned by this object; to be written, not closed. Files appear in the order of these
  // calls. Not to be called from several threads; the files may be written by several.
  WritableFile& create(const std::string& name);

  // Where they stand until then, complete once they were written.
  [[nodiscard]] const std::string& staged_path() const { return staging_->path(); }

  // Publishes. Throws if another program changed what is being replaced since the constructor. Once.
  PublishReport commit();

 private:
  // The entries of an existing target, as they are to be treated.
  struct Entries {
    std::vector<JournalEntry> replaced;  // go; index files first
    std::vector<JournalEntry> foreign;
    bool linkable = true;  // all foreign ones are files or links
  };

  void locate();
  [[nodiscard]] bool is_replaced(const std::string& name) const;
  [[nodiscard]] Entries examine_target() const;
  void refuse_change(const std::string& name, const std::optional<FileStatus>& now) const;
  void close_files();
  void publish_new();
  [[nodiscard]] bool may_exchange(const Entries& entries) const;
  [[nodiscard]] bool publish_by_exchange(const Entries& entries, PublishReport& report);
  [[nodiscard]] bool prepare_exchange(const Entries& entries, const std::string& sibling);
  void undo_exchange(const Entries& entries, const std::string& inside);
  void publish_in_place(const Entries& entries);
  Env& env_;
  std::string shown_;   // the target as the user wrote it
  std::string target_;  // links resolved, if it exists
  PathParts parts_;     // of target_
  std::function<bool(std::string_view)> belongs_;
  PublishOptions options_;
  bool exists_ = false;
  Recovery recovery_;
  std::map<std::string, FileStatus> before_;  // the entries at the start
  std::optional<Parents> parents_;
  std::optional<StagingEntry> staging_;
  std::vector<std::pair<std::string, std::unique_ptr<WritableFile>>> files_;
  std::set<std::string, std::less<>> new_names_;  // of files_
  bool announced_ = false;                        // our journal lies in the target, where nothing has moved yet
  bool committed_ = false;
};

}  // namespace brainsurgery
