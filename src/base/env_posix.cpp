// The real file system (brainsurgery/env.h) by Linux system calls. Mappings are in file_map.cpp.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/file_map.h"
#include "base/mutex.h"
#include "brainsurgery/env.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// A relative path leads nowhere any more.
bool lost_directory(const std::string& path) {
  if (path.starts_with('/')) return false;
  const std::unique_ptr<char, void (*)(void*)> directory(::getcwd(nullptr, 0), ::free);
  return directory == nullptr && errno == ENOENT;
}

[[noreturn]] void fail(std::string_view what, const std::string& path, int error) {
  const std::string reason = error == ENOENT && lost_directory(path) ? "the working directory was deleted"
                                                                     : std::generic_category().message(error);
  throw Error(ErrorCode::run, fmt::format("cannot {} '{}': {}", what, path, reason));
}

// The system would take what stands before a NUL for the path.
const char* c_path(const std::string& path) {
  if (path.find('\0') != std::string::npos)
    throw Error(ErrorCode::run, fmt::format("a path contains a NUL character after '{}'", path.c_str()));
  return path.c_str();
}

bool is_unsupported(int error) {
  return error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS || error == EINVAL || error == EPERM;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

FileStatus to_status(const struct stat& s) {
  FileStatus status;
  status.kind = S_ISREG(s.st_mode)   ? FileStatus::Kind::regular
                : S_ISDIR(s.st_mode) ? FileStatus::Kind::directory
                : S_ISLNK(s.st_mode) ? FileStatus::Kind::link
                                     : FileStatus::Kind::other;
  const auto nanoseconds = [](const timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
  status.size = s.st_size;
  status.device = s.st_dev;
  status.inode = s.st_ino;
  status.mtime_ns = nanoseconds(s.st_mtim);
  status.ctime_ns = nanoseconds(s.st_ctim);
  status.mode = s.st_mode & 07777;
  status.links = s.st_nlink;
  return status;
}

FileStatus status_of(int fd, const std::string& path) {
  struct stat s {};
  if (::fstat(fd, &s) != 0) fail("examine", path, errno);
  return to_status(s);
}

Descriptor open_or_fail(const std::string& path, int flags, std::string_view what, mode_t mode = 0) {
  for (;;) {
    const int fd = ::open(c_path(path), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Descriptor(fd);
    if (errno != EINTR) fail(what, path, errno);
  }
}

Descriptor open_regular(const std::string& path) {
  // O_NONBLOCK: a FIFO must not make us wait for its writer.
  Descriptor fd = open_or_fail(path, O_RDONLY | O_NONBLOCK, "open");
  const FileStatus status = status_of(fd.get(), path);
  if (status.kind == FileStatus::Kind::directory) fail("open", path, EISDIR);
  if (status.kind != FileStatus::Kind::regular) {
    throw Error(ErrorCode::run, fmt::format("cannot open '{}': it is not a regular file", path));
  }
  return fd;
}

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
      if (n < 0) fail("read", path_, errno);
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
    if (result != 0) fail(fmt::format("make {} bytes the length of", size), path_, errno);
  }

  void reserve(std::int64_t offset, std::int64_t size) override {
    if (size == 0) return;
    int result = 0;
    do {
      result = ::fallocate(fd_.get(), 0, offset, size);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
      fail(fmt::format("reserve {} bytes for", size), path_, errno);
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
      if (n < 0) fail("write", path_, errno);
      done += static_cast<std::size_t>(n);
    }
  }

  void set_mode(std::uint32_t mode) override {
    if (::fchmod(fd_.get(), mode) != 0) fail("set the mode of", path_, errno);
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
    if (result != 0) fail("sync", path_, errno);
  }

  void close() override {
    const int fd = fd_.take();
    // After EINTR the descriptor is gone on Linux; trying again could close another thread's.
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) fail("close", path_, errno);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;  // closing gives the lock back
};

// POSIX ACLs are extended attributes too ("system.posix_acl_access").
void copy_extended_attributes(const std::string& from, const std::string& to) {
  const ssize_t size = ::listxattr(from.c_str(), nullptr, 0);
  if (size <= 0) return;
  std::string names(static_cast<std::size_t>(size), '\0');
  const ssize_t listed = ::listxattr(from.c_str(), names.data(), names.size());
  if (listed < 0) return;
  names.resize(static_cast<std::size_t>(listed));
  for (std::size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
    const char* name = names.c_str() + at;
    const ssize_t length = ::getxattr(from.c_str(), name, nullptr, 0);
    if (length < 0) continue;
    std::string value(static_cast<std::size_t>(length), '\0');
    const ssize_t got = ::getxattr(from.c_str(), name, value.data(), value.size());
    if (got < 0) continue;
    if (::setxattr(to.c_str(), name, value.data(), static_cast<std::size_t>(got), 0) != 0 && !is_unsupported(errno) &&
        errno != EACCES) {
      fail(fmt::format("copy the attribute {} to", name), to, errno);
    }
  }
}

class PosixEnv final : public Env {
 public:
  PosixEnv() {
    // Sharded checkpoints have hundreds of files; the usual soft limit is 1024, the hard one far higher.
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
      limit.rlim_cur = limit.rlim_max;
      (void)::setrlimit(RLIMIT_NOFILE, &limit);
    }
    install_map_fault_handler();
  }

  std::unique_ptr<ReadableFile> open(const std::string& path) override {
    return std::make_unique<PosixReadableFile>(open_regular(path), path);
  }

  std::string read_text(const std::string& path, std::int64_t max_bytes) override {
    // What the user hands over through a descriptor ("/dev/stdin", a shell's "/dev/fd/63") may be a pipe.
    const bool handed_over = path.starts_with("/dev/");
    const Descriptor fd = handed_over ? open_or_fail(path, O_RDONLY, "open") : open_regular(path);
    const auto refuse_longer = [&](std::int64_t size) {
      if (size <= max_bytes) return;
      throw Error(ErrorCode::run, fmt::format("cannot read '{}': it is longer than {} bytes", path, max_bytes));
    };
    constexpr std::size_t kChunk = 1 << 16;
    struct stat s {};
    std::string text;
    if (::fstat(fd.get(), &s) == 0) {
      refuse_longer(s.st_size);
      if (!handed_over) text.reserve(static_cast<std::size_t>(s.st_size) + kChunk);
    }
    for (;;) {
      const std::size_t before = text.size();
      text.resize(before + kChunk);
      const ssize_t n = ::read(fd.get(), text.data() + before, kChunk);
      const int error = errno;
      text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
      if (n < 0 && error == EINTR && !handed_over) continue;
      if (n < 0) fail("read", path, error);
      refuse_longer(std::ssize(text));
      if (n == 0) return text;
    }
  }

  std::unique_ptr<WritableFile> create(const std::string& path) override {
    return std::make_unique<PosixWritableFile>(open_or_fail(path, O_WRONLY | O_CREAT | O_EXCL, "create", 0666), path);
  }

  std::optional<FileStatus> status(const std::string& path, bool follow) override {
    struct stat s {};
    if ((follow ? ::stat(c_path(path), &s) : ::lstat(c_path(path), &s)) == 0) return to_status(s);
    if (errno == ENOENT && lost_directory(path)) fail("examine", path, ENOENT);
    // ENAMETOOLONG: nothing can have such a name.
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return std::nullopt;
    fail("examine", path, errno);
  }

  std::vector<std::string> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(c_path(directory)), ::closedir);
    if (dir == nullptr) fail("list", directory, errno);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr && errno != 0) fail("list", directory, errno);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string real_path(const std::string& path) override {
    const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(c_path(path), nullptr), ::free);
    if (resolved == nullptr) fail("resolve", path, errno);
    return resolved.get();
  }

  std::int64_t free_bytes(const std::string& directory) override {
    struct statvfs s {};
    if (::statvfs(c_path(directory), &s) != 0) fail("examine", directory, errno);
    return static_cast<std::int64_t>(s.f_bavail) * static_cast<std::int64_t>(s.f_frsize);
  }

  void make_directory(const std::string& path) override {
    if (::mkdir(c_path(path), 0777) != 0) fail("create the directory", path, errno);
  }

  void make_directories(const std::string& path) override {
    for (std::size_t end = path.find('/', 1); !path.empty(); end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      if (::mkdir(c_path(part), 0777) != 0) {
        const int error = errno;
        const auto existing = error == ENOENT ? std::nullopt : status(part, true);
        if (!existing) fail("create the directory", part, error);
        if (existing->kind != FileStatus::Kind::directory) fail("create the directory", part, ENOTDIR);
      }
      if (end == std::string::npos) return;
    }
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(c_path(from), c_path(to)) != 0) fail(fmt::format("rename '{}' to", from), to, errno);
  }

  bool exchange(const std::string& a, const std::string& b) override {
    if (::renameat2(AT_FDCWD, c_path(a), AT_FDCWD, c_path(b), RENAME_EXCHANGE) == 0) return true;
    if (errno == EINVAL || errno == ENOSYS || errno == EXDEV || errno == EOPNOTSUPP || errno == EBUSY) return false;
    fail(fmt::format("exchange '{}' with", a), b, errno);
  }

  void hard_link(const std::string& from, const std::string& to) override {
    if (::linkat(AT_FDCWD, c_path(from), AT_FDCWD, c_path(to), 0) != 0)
      fail(fmt::format("link '{}' to", from), to, errno);
  }

  void remove(const std::string& path) override {
    if (::remove(c_path(path)) != 0) fail("remove", path, errno);
  }

  void copy_attributes(const std::string& from, const std::string& to) override {
    struct stat s {};
    if (::stat(c_path(from), &s) != 0) fail("examine", from, errno);
    // Owner first: changing it clears the set-id bits. One may be allowed to give the group but not the user.
    if (::chown(c_path(to), s.st_uid, s.st_gid) != 0) (void)!::chown(c_path(to), static_cast<uid_t>(-1), s.st_gid);
    if (::chmod(c_path(to), s.st_mode & 07777) != 0) fail("set the mode of", to, errno);
    copy_extended_attributes(from, to);
  }

  void sync_directory(const std::string& path) override {
    const Descriptor fd = open_or_fail(path, O_RDONLY | O_DIRECTORY, "open");
    // Some file systems know no sync of directories.
    int result = 0;
    do {
      result = ::fsync(fd.get());
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EINVAL && errno != EROFS) fail("sync", path, errno);
  }

  std::unique_ptr<FileLock> try_lock(const std::string& path) override {
    Descriptor fd = open_or_fail(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, "lock");
    int result = 0;
    do {
      result = ::flock(fd.get(), LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) return std::make_unique<PosixFileLock>(std::move(fd));
    // A file system without locks: nobody can tell, so nobody may take it for free.
    if (errno == EWOULDBLOCK || errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP) return nullptr;
    fail("lock", path, errno);
  }
};

}  // namespace

Env& posix_env() {
  static PosixEnv env;
  return env;
}

}  // namespace brainsurgery
