// The real file system (brainsurgery/env.h) by Linux system calls. Files are in posix_files.cpp, mappings in file_map.cpp.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/file_map.h"
#include "base/path_places.h"
#include "base/posix_files.h"
#include "brainsurgery/env.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

bool is_unsupported(int error) {
  return error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS || error == EINVAL || error == EPERM;
}

bool names_nothing(int error) {
  // ENAMETOOLONG: nothing can have such a name.
  return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG;
}

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;  // closing gives the lock back
};

// POSIX ACLs are extended attributes too ("system.posix_acl_access").
// `shown`: for messages, in place of `to`.
void copy_extended_attributes(const std::string& from, const std::string& to, const std::string& shown) {
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
      fail_on_path(fmt::format("copy the attribute {} to", name), shown, errno);
    }
  }
}

class PosixEnv final : public Env {
 public:
  explicit PosixEnv(std::unique_ptr<PathPlaces> places) : places_(std::move(places)) {}

  std::unique_ptr<ReadableFile> open(const std::string& path) override {
    return readable_file(open_regular(path), path);
  }

  std::string read_text(const std::string& path, std::int64_t max_bytes) override;

  std::unique_ptr<WritableFile> create(const std::string& path) override {
    return writable_file(open_or_fail(path, O_WRONLY | O_CREAT | O_EXCL, "create", 0666), path);
  }

  std::optional<FileStatus> status(const std::string& path, bool follow) override;
  std::vector<std::string> list(const std::string& directory) override;
  std::string real_path(const std::string& path) override { return places_->real_path(path); }

  std::int64_t free_bytes(const std::string& directory) override {
    const Descriptor fd = open_or_fail(directory, O_PATH, "examine");
    struct statvfs s {};
    if (::fstatvfs(fd.get(), &s) != 0) fail_on_path("examine", directory, errno);
    return static_cast<std::int64_t>(s.f_bavail) * static_cast<std::int64_t>(s.f_frsize);
  }

  void make_directory(const std::string& path) override {
    if (const int error = try_to_make(path); error != 0) fail_on_path("create the directory", path, error);
  }

  void make_directories(const std::string& path) override;

  void rename(const std::string& from, const std::string& to) override {
    const std::string action = fmt::format("rename '{}' to", from);
    const PathPlace source = found(from, false, action, to), target = found(to, false, action, to);
    if (::renameat(source.directory(), source.name(), target.directory(), target.name()) != 0)
      fail_on_path(action, to, errno);
  }

  bool exchange(const std::string& a, const std::string& b) override {
    const std::string action = fmt::format("exchange '{}' with", a);
    const PathPlace one = found(a, false, action, b), other = found(b, false, action, b);
    if (::renameat2(one.directory(), one.name(), other.directory(), other.name(), RENAME_EXCHANGE) == 0) return true;
    if (errno == EINVAL || errno == ENOSYS || errno == EXDEV || errno == EOPNOTSUPP || errno == EBUSY) return false;
    fail_on_path(action, b, errno);
  }

  void hard_link(const std::string& from, const std::string& to) override {
    const std::string action = fmt::format("link '{}' to", from);
    const PathPlace source = found(from, false, action, to), target = found(to, false, action, to);
    if (::linkat(source.directory(), source.name(), target.directory(), target.name(), 0) != 0)
      fail_on_path(action, to, errno);
  }

  void remove(const std::string& path) override {
    const PathPlace place = found(path, false, "remove", path);
    if (::unlinkat(place.directory(), place.name(), 0) == 0) return;
    if (errno == EISDIR && ::unlinkat(place.directory(), place.name(), AT_REMOVEDIR) == 0) return;
    fail_on_path("remove", path, errno);
  }

  void copy_attributes(const std::string& from, const std::string& to) override;

  void sync_directory(const std::string& path) override {
    const Descriptor fd = open_or_fail(path, O_RDONLY | O_DIRECTORY, "open");
    // Some file systems know no sync of directories.
    int result = 0;
    do {
      result = ::fsync(fd.get());
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EINVAL && errno != EROFS) fail_on_path("sync", path, errno);
  }

  std::unique_ptr<FileLock> try_lock(const std::string& path) override;

 private:
  // `path`, `action` and `shown`: "cannot <action> '<shown>': ..." where it cannot be reached.
  [[nodiscard]] PathPlace found(const std::string& path, bool follow, std::string_view action,
                            const std::string& shown) const {
    PathPlace place = places_->find(path, follow);
    if (place.error() != 0) fail_on_path(action, shown, place.error());
    return place;
  }
  [[nodiscard]] Descriptor open_or_fail(const std::string& path, int flags, std::string_view action,
                                        mode_t mode = 0) const;
  [[nodiscard]] Descriptor open_regular(const std::string& path) const;
  // 0, or an errno.
  [[nodiscard]] int try_to_make(const std::string& directory) const {
    const PathPlace place = places_->find(directory, false);
    if (place.error() != 0) return place.error();
    return ::mkdirat(place.directory(), place.name(), 0777) == 0 ? 0 : errno;
  }

  std::unique_ptr<PathPlaces> places_;
};

Descriptor PosixEnv::open_or_fail(const std::string& path, int flags, std::string_view action, mode_t mode) const {
  constexpr int kTries = 100;
  const bool follow = (flags & (O_NOFOLLOW | O_EXCL)) == 0;
  for (int tries = 0;; ++tries) {
    const PathPlace place = found(path, follow, action, path);
    const int fd = ::openat(place.directory(), place.name(), flags | place.no_follow() | O_CLOEXEC, mode);
    if (fd >= 0) return Descriptor(fd);
    if (errno == EINTR) continue;
    // Somebody put a link there after it was looked at.
    if (errno == ELOOP && follow && place.is_below_root() && tries < kTries) continue;
    fail_on_path(action, path, errno);
  }
}

Descriptor PosixEnv::open_regular(const std::string& path) const {
  // O_NONBLOCK: a FIFO must not make us wait for its writer.
  Descriptor fd = open_or_fail(path, O_RDONLY | O_NONBLOCK, "open");
  const FileStatus status = status_of(fd.get(), path);
  if (status.kind == FileStatus::Kind::directory) fail_on_path("open", path, EISDIR);
  if (status.kind != FileStatus::Kind::regular) {
    throw Error(ErrorCode::run, fmt::format("cannot open '{}': it is not a regular file", path));
  }
  return fd;
}

std::string PosixEnv::read_text(const std::string& path, std::int64_t max_bytes) {
  // What the user hands over through a descriptor ("/dev/stdin", a shell's "/dev/fd/63") may be a pipe.
  const bool handed_over = path.starts_with("/dev/") && !places_->has_root();
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
    if (n < 0) fail_on_path("read", path, error);
    refuse_longer(std::ssize(text));
    if (n == 0) return text;
  }
}

std::optional<FileStatus> PosixEnv::status(const std::string& path, bool follow) {
  const PathPlace place = places_->find(path, follow);
  if (place.itself() >= 0) return status_of(place.itself(), path);
  if (place.error() == 0 && place.is_below_root()) return std::nullopt;
  struct stat s {};
  int error = place.error();
  if (error == 0) {
    if (::fstatat(place.directory(), place.name(), &s, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0) return to_status(s);
    error = errno;
  }
  if (error == ENOENT && lost_directory(path)) fail_on_path("examine", path, ENOENT);
  if (names_nothing(error)) return std::nullopt;
  fail_on_path("examine", path, error);
}

std::vector<std::string> PosixEnv::list(const std::string& directory) {
  Descriptor fd = open_or_fail(directory, O_RDONLY | O_DIRECTORY, "list");
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(fd.get()), ::closedir);
  if (dir == nullptr) fail_on_path("list", directory, errno);
  static_cast<void>(fd.take());
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr && errno != 0) fail_on_path("list", directory, errno);
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void PosixEnv::make_directories(const std::string& whole) {
  static_cast<void>(places_->find(whole, false));  // refused before any part is made
  const std::string path = places_->below_root(whole);
  for (std::size_t end = path.find('/', 1); !path.empty(); end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (const int error = try_to_make(part); error != 0) {
      const auto existing = error == ENOENT ? std::nullopt : status(part, true);
      if (!existing) fail_on_path("create the directory", part, error);
      if (existing->kind != FileStatus::Kind::directory) fail_on_path("create the directory", part, ENOTDIR);
    }
    if (end == std::string::npos) return;
  }
}

void PosixEnv::copy_attributes(const std::string& from, const std::string& to) {
  const PathPlace source = found(from, true, "examine", from), target = found(to, true, "set the mode of", to);
  if (source.is_below_root() && source.itself() < 0) fail_on_path("examine", from, ENOENT);
  if (target.is_below_root() && target.itself() < 0) fail_on_path("set the mode of", to, ENOENT);
  const std::string source_path = source.path(), target_path = target.path();
  struct stat s {};
  if (::stat(source_path.c_str(), &s) != 0) fail_on_path("examine", from, errno);
  // Owner first: changing it clears the set-id bits. One may be allowed to give the group but not the user.
  if (::chown(target_path.c_str(), s.st_uid, s.st_gid) != 0)
    (void)!::chown(target_path.c_str(), static_cast<uid_t>(-1), s.st_gid);
  if (::chmod(target_path.c_str(), s.st_mode & 07777) != 0) fail_on_path("set the mode of", to, errno);
  copy_extended_attributes(source_path, target_path, to);
}

std::unique_ptr<FileLock> PosixEnv::try_lock(const std::string& path) {
  Descriptor fd = open_or_fail(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, "lock");
  int result = 0;
  do {
    result = ::flock(fd.get(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return std::make_unique<PosixFileLock>(std::move(fd));
  // A file system without locks: nobody can tell, so nobody may take it for free.
  if (errno == EWOULDBLOCK || errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP) return nullptr;
  fail_on_path("lock", path, errno);
}

// What belongs to the process, not to a file system of its own.
void prepare_process() {
  static const bool prepared = [] {
    // Sharded checkpoints have hundreds of files; the usual soft limit is 1024, the hard one far higher.
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
      limit.rlim_cur = limit.rlim_max;
      (void)::setrlimit(RLIMIT_NOFILE, &limit);
    }
    install_map_fault_handler();
    return true;
  }();
  static_cast<void>(prepared);
}

}  // namespace

Env& posix_env() {
  prepare_process();
  static PosixEnv env(all_path_places());
  return env;
}

std::unique_ptr<Env> rooted_env(const std::string& root) {
  prepare_process();
  return std::make_unique<PosixEnv>(path_places_below(root));
}

}  // namespace brainsurgery
