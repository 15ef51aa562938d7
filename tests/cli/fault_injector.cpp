// Preloaded into the program (LD_PRELOAD), kills it with SIGKILL before its nth call that changes the file system.
//
//   FAULT_CALL=n      which call, from 1
//   FAULT_FROM=word   counting begins with the first call on a path that holds the word; without it at once
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<long> calls{0};
std::atomic<bool> counting{false};

void count(const char* path) {
  const char* call = std::getenv("FAULT_CALL");
  if (call == nullptr) return;
  const char* from = std::getenv("FAULT_FROM");
  if (from == nullptr || (path != nullptr && std::strstr(path, from) != nullptr)) counting = true;
  if (!counting || ++calls != std::atol(call)) return;
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

template <typename Function>
Function next(const char* name, Function) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) != 0) count(path);
  return next("open", &open)(path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) != 0) count(path);
  return next("openat", &openat)(directory, path, flags, mode);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  count(nullptr);
  return next("pwrite", &pwrite)(file, bytes, size, offset);
}

int fsync(int file) {
  count(nullptr);
  return next("fsync", &fsync)(file);
}

int rename(const char* from, const char* to) noexcept {
  count(to);
  return next("rename", &rename)(from, to);
}

int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  count(to);
  return next("renameat", &renameat)(from_directory, from, to_directory, to);
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned int flags) noexcept {
  count(to);
  return next("renameat2", &renameat2)(from_directory, from, to_directory, to, flags);
}

int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) noexcept {
  count(to);
  return next("linkat", &linkat)(from_directory, from, to_directory, to, flags);
}

int remove(const char* path) noexcept {
  count(path);
  return next("remove", &remove)(path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  count(path);
  return next("mkdir", &mkdir)(path, mode);
}

int chmod(const char* path, mode_t mode) noexcept {
  count(path);
  return next("chmod", &chmod)(path, mode);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  count(path);
  return next("unlinkat", &unlinkat)(directory, path, flags);
}

int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  count(path);
  return next("mkdirat", &mkdirat)(directory, path, mode);
}

int fchmod(int file, mode_t mode) noexcept {
  count(nullptr);
  return next("fchmod", &fchmod)(file, mode);
}

}  // extern "C"
