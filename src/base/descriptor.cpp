#include "base/descriptor.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "brainsurgery/error.h"

namespace brainsurgery {

bool lost_directory(const std::string& path) {
  if (path.starts_with('/')) return false;
  const std::unique_ptr<char, void (*)(void*)> directory(::getcwd(nullptr, 0), ::free);
  return directory == nullptr && errno == ENOENT;
}

void fail_on_path(std::string_view action, const std::string& path, int error) {
  const std::string reason = error == ENOENT && lost_directory(path) ? "the working directory was deleted"
                                                                     : std::generic_category().message(error);
  throw Error(ErrorCode::run, fmt::format("cannot {} '{}': {}", action, path, reason));
}

const char* c_path(const std::string& path) {
  if (path.find('\0') != std::string::npos)
    throw Error(ErrorCode::run, fmt::format("a path contains a NUL character after '{}'", path.c_str()));
  return path.c_str();
}

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
  if (::fstat(fd, &s) != 0) fail_on_path("examine", path, errno);
  return to_status(s);
}

}  // namespace brainsurgery
