#include "exec/buffers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/units.h"
#include "brainsurgery/env.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

constexpr int kFolderTries = 100;  // to make a folder that other runs remove

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::run, fmt::format("{}: {}", what, std::strerror(errno)));
}

std::byte* map_memory(std::int64_t bytes, int flags, int file) {
  void* data = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE, flags, file, 0);
  if (data == MAP_FAILED) fail(fmt::format("cannot get {} of memory", format_size(bytes)));
  return static_cast<std::byte*>(data);
}

// Closes at the end of a scope, unless somebody takes it.
struct Descriptor {
  explicit Descriptor(int opened) : file(opened) {}
  ~Descriptor() {
    if (file >= 0) ::close(file);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int file;
};

// Moves all bytes by calls of pread or pwrite, which may move some.
template <typename Byte, typename Move>
void move_all(std::int64_t offset, std::span<Byte> bytes, const char* what, const Move& move) {
  while (!bytes.empty()) {
    const ssize_t moved = move(bytes.data(), bytes.size(), offset);
    if (moved < 0 && errno == EINTR) continue;
    if (moved == 0) errno = EIO;
    if (moved <= 0) fail(what);
    bytes = bytes.subspan(static_cast<std::size_t>(moved));
    offset += moved;
  }
}

// A folder that is missing is made and removed again. Other runs do so with the same one, at any moment.
int open_nameless(const std::string& directory) {
  for (int tries = 1;; ++tries) {
    const bool last = tries == kFolderTries;
    const bool exists = posix_env().status(directory).has_value();
    try {
      if (!exists) posix_env().make_directories(directory);
    } catch (const Error&) {
      if (last) throw;
      continue;
    }
    std::string path = directory + "/spill-XXXXXX";
    const int file = ::mkostemp(path.data(), O_CLOEXEC);
    if (file < 0 && errno == ENOENT && !last) continue;
    if (file < 0) fail(fmt::format("cannot create a spill file in '{}'", directory));
    ::unlink(path.c_str());
    if (!exists) ::rmdir(directory.c_str());  // the file lives on without a name
    return file;
  }
}

}  // namespace

std::vector<std::byte> take_memory(std::int64_t bytes) {
  try {
    return std::vector<std::byte>(static_cast<std::size_t>(bytes));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::run, fmt::format("cannot get {} of memory", format_size(bytes)), {},
                {"smaller tiles or fewer threads may help"});
  }
}

Buffer::~Buffer() {
  if (data_ != nullptr) ::munmap(data_, static_cast<std::size_t>(size_));
  if (file_ >= 0) ::close(file_);
}

void Buffer::read(std::int64_t offset, std::span<std::byte> into) const {
  if (!spilled()) {
    if (!into.empty()) std::memcpy(into.data(), data_ + offset, into.size());
    return;
  }
  move_all(offset, into, "cannot read a spill file",
           [this](std::byte* to, std::size_t size, std::int64_t at) { return ::pread(file_, to, size, at); });
}

void Buffer::write(std::int64_t offset, std::span<const std::byte> from) const {
  if (!spilled()) {
    if (!from.empty()) std::memcpy(data_ + offset, from.data(), from.size());
    return;
  }
  move_all(
      offset, from, "cannot write a spill file",
      [this](const std::byte* bytes, std::size_t size, std::int64_t at) { return ::pwrite(file_, bytes, size, at); });
}

void Buffer::page_out() const {
  if (spilled()) (void)::madvise(data_, static_cast<std::size_t>(size_), MADV_DONTNEED);
}

std::unique_ptr<Buffer> memory_buffer(std::int64_t bytes) {
  std::byte* data = bytes == 0 ? nullptr : map_memory(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  return std::make_unique<Buffer>(data, bytes, -1);
}

// A file without a name, its space reserved so that a full disk is an error here and not a signal later.
std::unique_ptr<Buffer> spilled_buffer(std::int64_t bytes, const std::string& directory) {
  Descriptor spill(open_nameless(directory));
  // Where the file system cannot reserve, this writes into every block; a hole would be filled only later.
  do {
    errno = ::posix_fallocate(spill.file, 0, bytes);
  } while (errno == EINTR);
  if (errno != 0) fail(fmt::format("cannot reserve {} in '{}'", format_size(bytes), directory));
  std::byte* data = map_memory(bytes, MAP_SHARED, spill.file);
  return std::make_unique<Buffer>(data, bytes, std::exchange(spill.file, -1));
}

}  // namespace brainsurgery
