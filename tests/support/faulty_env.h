// A file system that fails on demand: every call goes to the Env underneath, but the nth one fails instead.
//
//   FaultyEnv env(posix_env(), {.fail_at = 7});           // the 7th call throws, the 8th works again
//   FaultyEnv env(posix_env(), {.fail_at = 7, .dies = true});   // nothing works from the 7th on: as after kill -9
//
// Without fail_at it only records. Counted are all calls that can fail. Not for use from several threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery::testing {

struct FaultPlan {
  int fail_at = 0;    // counts from 1; 0: never
  bool dies = false;  // all later calls fail too
  std::string reason = "No space left on device";
  bool exchange_works = true;  // false: exchange() answers that the file system cannot
  bool syncs = true;           // false: syncs are counted but not done, for speed
  // Called before every call, with "rename /a/b": for what another program does meanwhile.
  std::function<void(const std::string& call)> before = {};
};

class FaultyEnv final : public Env {
 public:
  explicit FaultyEnv(Env& env, FaultPlan plan = {});
  ~FaultyEnv() override;

  // "create /a/b", "write /a/b", "rename /a/b" ... in order, the failing one included.
  [[nodiscard]] const std::vector<std::string>& calls() const;
  [[nodiscard]] bool failed() const;

  std::unique_ptr<ReadableFile> open(const std::string& path) override;
  std::string read_text(const std::string& path, std::int64_t max_bytes) override;
  std::unique_ptr<WritableFile> create(const std::string& path) override;
  std::optional<FileStatus> status(const std::string& path, bool follow) override;
  std::vector<std::string> list(const std::string& directory) override;
  std::string real_path(const std::string& path) override;
  std::int64_t free_bytes(const std::string& directory) override;
  void make_directory(const std::string& path) override;
  void make_directories(const std::string& path) override;
  void rename(const std::string& from, const std::string& to) override;
  bool exchange(const std::string& a, const std::string& b) override;
  void hard_link(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  void copy_attributes(const std::string& from, const std::string& to) override;
  void sync_directory(const std::string& path) override;
  std::unique_ptr<FileLock> try_lock(const std::string& path) override;

 private:
  class Counter;
  class Readable;
  class Writable;
  Env& env_;
  std::shared_ptr<Counter> counter_;
};

}  // namespace brainsurgery::testing
