#include "support/faulty_env.h"

#include <utility>

#include "brainsurgery/error.h"

namespace brainsurgery::testing {

class FaultyEnv::Counter {
 public:
  explicit Counter(FaultPlan plan) : plan_(std::move(plan)) {}

  void call(const std::string& what, const std::string& path) {
    const int number = static_cast<int>(calls_.size()) + 1;
    calls_.push_back(what + " " + path);
    if (plan_.before) plan_.before(calls_.back());
    const bool fails = plan_.fail_at > 0 && (plan_.dies ? number >= plan_.fail_at : number == plan_.fail_at);
    if (!fails) return;
    failed_ = true;
    throw Error(ErrorCode::run, "cannot " + what + " '" + path + "': " + plan_.reason);
  }

  [[nodiscard]] const FaultPlan& plan() const { return plan_; }
  [[nodiscard]] const std::vector<std::string>& calls() const { return calls_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  FaultPlan plan_;
  std::vector<std::string> calls_;
  bool failed_ = false;
};

class FaultyEnv::Readable final : public ReadableFile {
 public:
  Readable(std::unique_ptr<ReadableFile> file, std::shared_ptr<Counter> counter)
      : file_(std::move(file)), counter_(std::move(counter)) {}
  const std::string& path() const override { return file_->path(); }
  const FileStatus& status() const override { return file_->status(); }
  void read(std::int64_t offset, std::span<std::byte> into) const override {
    counter_->call("read", path());
    file_->read(offset, into);
  }
  std::shared_ptr<const FileMap> map() const override {
    counter_->call("map", path());
    return file_->map();
  }
  FileStatus current_status() const override {
    counter_->call("examine", path());
    return file_->current_status();
  }

 private:
  std::unique_ptr<ReadableFile> file_;
  std::shared_ptr<Counter> counter_;
};

class FaultyEnv::Writable final : public WritableFile {
 public:
  Writable(std::unique_ptr<WritableFile> file, std::shared_ptr<Counter> counter)
      : file_(std::move(file)), counter_(std::move(counter)) {}
  const std::string& path() const override { return file_->path(); }
  void resize(std::int64_t size) override {
    counter_->call("resize", path());
    file_->resize(size);
  }
  void reserve(std::int64_t offset, std::int64_t size) override {
    counter_->call("reserve", path());
    file_->reserve(offset, size);
  }
  bool share(std::int64_t offset, const ReadableFile& from, std::int64_t from_offset, std::int64_t size) override {
    return file_->share(offset, from, from_offset, size);
  }
  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    counter_->call("write", path());
    file_->write(offset, bytes);
  }
  void set_mode(std::uint32_t mode) override {
    counter_->call("set the mode of", path());
    file_->set_mode(mode);
  }
  void start_writeback(std::int64_t offset, std::int64_t size) override { file_->start_writeback(offset, size); }
  void sync() override {
    counter_->call("sync", path());
    if (counter_->plan().syncs) file_->sync();
  }
  void close() override {
    counter_->call("close", path());
    file_->close();
  }

 private:
  std::unique_ptr<WritableFile> file_;
  std::shared_ptr<Counter> counter_;
};

FaultyEnv::FaultyEnv(Env& env, FaultPlan plan) : env_(env), counter_(std::make_shared<Counter>(std::move(plan))) {}
FaultyEnv::~FaultyEnv() = default;

const std::vector<std::string>& FaultyEnv::calls() const { return counter_->calls(); }
bool FaultyEnv::failed() const { return counter_->failed(); }

std::unique_ptr<ReadableFile> FaultyEnv::open(const std::string& path) {
  counter_->call("open", path);
  return std::make_unique<Readable>(env_.open(path), counter_);
}
std::string FaultyEnv::read_text(const std::string& path, std::int64_t max_bytes) {
  counter_->call("open", path);
  return env_.read_text(path, max_bytes);
}
std::unique_ptr<WritableFile> FaultyEnv::create(const std::string& path) {
  counter_->call("create", path);
  return std::make_unique<Writable>(env_.create(path), counter_);
}
std::optional<FileStatus> FaultyEnv::status(const std::string& path, bool follow) {
  counter_->call("examine", path);
  return env_.status(path, follow);
}
std::vector<std::string> FaultyEnv::list(const std::string& directory) {
  counter_->call("list", directory);
  return env_.list(directory);
}
std::string FaultyEnv::real_path(const std::string& path) {
  counter_->call("resolve", path);
  return env_.real_path(path);
}
std::int64_t FaultyEnv::free_bytes(const std::string& directory) {
  counter_->call("examine", directory);
  return env_.free_bytes(directory);
}
void FaultyEnv::make_directory(const std::string& path) {
  counter_->call("create the directory", path);
  env_.make_directory(path);
}
void FaultyEnv::make_directories(const std::string& path) {
  counter_->call("create the directory", path);
  env_.make_directories(path);
}
void FaultyEnv::rename(const std::string& from, const std::string& to) {
  counter_->call("rename", from);
  env_.rename(from, to);
}
bool FaultyEnv::exchange(const std::string& a, const std::string& b) {
  counter_->call("exchange", a);
  return counter_->plan().exchange_works && env_.exchange(a, b);
}
void FaultyEnv::hard_link(const std::string& from, const std::string& to) {
  counter_->call("link", from);
  env_.hard_link(from, to);
}
void FaultyEnv::remove(const std::string& path) {
  counter_->call("remove", path);
  env_.remove(path);
}
void FaultyEnv::copy_attributes(const std::string& from, const std::string& to) {
  counter_->call("copy the attributes of", from);
  env_.copy_attributes(from, to);
}
void FaultyEnv::sync_directory(const std::string& path) {
  counter_->call("sync", path);
  if (counter_->plan().syncs) env_.sync_directory(path);
}
std::unique_ptr<FileLock> FaultyEnv::try_lock(const std::string& path) {
  counter_->call("lock", path);
  return env_.try_lock(path);
}

}  // namespace brainsurgery::testing
