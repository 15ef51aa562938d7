#include "base/posix_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "base/file_map.h"
#include "base/mutex.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(Descriptor fd, std::string path)
      : fd_(std::move(fd)), path_(std::move(path)), status_(status_of(fd_.get(), path_)) {}

  const std::string& path() const override { return path_; }
  const FileStatus& status() const override { return status_; }
  FileStatus current_status() const override { return status_of(fd_.get(), path_); }
  std::optional<int> descriptor() const override { return fd_.get(); }

  void read(std::int64_t offset, std::span<std::byte> into) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t n = ::pread(fd_.get(), into.data() + done, into.size() - done, offset + static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_on_path("read", path_, errno);
      if (n == 0) {
        throw Error(ErrorCode::run, fmt::format("cannot read '{}': it is shorter than {} bytes (truncated?)", path_,
                                                offset + static_cast<std::int64_t>(into.size())));
      }
      done += static_cast<std::size_t>(n);
    }
  }

  std::shared_ptr<const FileMap> map() const override {
    MutexLock lock(mutex_);
    std::shared_ptr<const FileMap> map = map_.lock();
    if (map == nullptr) {
      map = map_file(fd_.get(), status_.size, path_);
      map_ = map;
    }
    return map;
  }

 private:
  Descriptor fd_;
  std::string path_;
  FileStatus status_;
  mutable Mutex mutex_;
  mutable std::weak_ptr<const FileMap> map_ BS_GUARDED_BY(mutex_);  // all callers share one mapping
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  const std::string& path() const override { return path_; }

  void resize(std::int64_t size) override {
    int result = 0;
    do {
      result = ::ftruncate(fd_.get(), size);
    } while (result != 0 && errno == EINTR);
    if (result != 0) fail_on_path(fmt::format("make {} bytes the length of", size), path_, errno);
  }

  void reserve(std::int64_t offset, std::int64_t size) override {
    if (size == 0) return;
    int result = 0;
    do {
      result = ::fallocate(fd_.get(), 0, offset, size);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
      fail_on_path(fmt::format("reserve {} bytes for", size), path_, errno);
    }
  }

  bool share(std::int64_t offset, const ReadableFile& from, std::int64_t from_offset, std::int64_t size) override {
    const std::optional<int> source = from.descriptor();
    if (!source) return false;
    file_clone_range range{};
    range.src_fd = *source;
    range.src_offset = static_cast<std::uint64_t>(from_offset);
    range.src_length = static_cast<std::uint64_t>(size);
    range.dest_offset = static_cast<std::uint64_t>(offset);
    int result = 0;
    do {
      result = ::ioctl(fd_.get(), FICLONERANGE, &range);
    } while (result != 0 && errno == EINTR);
    return result == 0;  // whatever the reason: whoever copies instead meets it again if it matters
  }

  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n =
          ::pwrite(fd_.get(), bytes.data() + done, bytes.size() - done, offset + static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      // The source is a mapping whose file was truncated: the kernel reports it here instead of by a signal.
      if (n < 0 && errno == EFAULT) {
        throw Error(ErrorCode::run,
                    fmt::format("cannot write '{}': an input file became shorter while it was read", path_));
      }
      if (n < 0) fail_on_path("write", path_, errno);
      done += static_cast<std::size_t>(n);
    }
  }

  void set_mode(std::uint32_t mode) override {
    if (::fchmod(fd_.get(), mode) != 0) fail_on_path("set the mode of", path_, errno);
  }

  void start_writeback(std::int64_t offset, std::int64_t size) override {
    // A hint: where it is not supported, sync() does all the work.
    (void)::sync_file_range(fd_.get(), offset, size, SYNC_FILE_RANGE_WRITE);
  }

  void sync() override {
    int result = 0;
    do {
      result = ::fsync(fd_.get());
    } while (result != 0 && errno == EINTR);
    if (result != 0) fail_on_path("sync", path_, errno);
  }

  void close() override {
    const int fd = fd_.take();
    // After EINTR the descriptor is gone on Linux; trying again could close another thread's.
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) fail_on_path("close", path_, errno);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

}  // namespace

std::unique_ptr<ReadableFile> readable_file(Descriptor fd, std::string path) {
  return std::make_unique<PosixReadableFile>(std::move(fd), std::move(path));
}

std::unique_ptr<WritableFile> writable_file(Descriptor fd, std::string path) {
  return std::make_unique<PosixWritableFile>(std::move(fd), std::move(path));
}

}  // namespace brainsurgery
