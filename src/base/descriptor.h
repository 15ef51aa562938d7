// File descriptors, and the errors of system calls on paths.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "brainsurgery/env.h"

namespace brainsurgery {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Throws Error(run) "cannot open 'a.safetensors': No such file or directory". `error`: an errno.
[[noreturn]] void fail_on_path(std::string_view action, const std::string& path, int error);

// Refuses paths with a NUL: the system would take what stands before it for the path.
[[nodiscard]] const char* c_path(const std::string& path);

// Whether the working directory was deleted, which makes every relative path lead nowhere.
[[nodiscard]] bool lost_directory(const std::string& path);

[[nodiscard]] FileStatus to_status(const struct stat& s);
[[nodiscard]] FileStatus status_of(int fd, const std::string& path);

}  // namespace brainsurgery
