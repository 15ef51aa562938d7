#include "exec/buffer_pool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

#include "base/units.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::run, fmt::format("{}: {}", what, std::strerror(errno)));
}

std::byte* map_memory(std::int64_t bytes, int flags, int file) {
  void* data = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE, flags, file, 0);
  if (data == MAP_FAILED) fail(fmt::format("cannot get {} of memory", format_size(bytes)));
  return static_cast<std::byte*>(data);
}

// Closes at the end of a scope; a mapping stays.
struct Descriptor {
  explicit Descriptor(int opened) : file(opened) {}
  ~Descriptor() {
    if (file >= 0) ::close(file);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int file;
};

// A file without a name, its space reserved so that a full disk is an error here and not a signal later.
std::byte* map_spill_file(std::int64_t bytes, const std::string& directory) {
  std::error_code ignored;
  const bool made = std::filesystem::create_directories(directory, ignored);
  std::string path = directory + "/spill-XXXXXX";
  const Descriptor spill(::mkostemp(path.data(), O_CLOEXEC));
  if (spill.file < 0) fail(fmt::format("cannot create a spill file in '{}'", directory));
  ::unlink(path.c_str());
  if (made) std::filesystem::remove(directory, ignored);  // the file lives on without a name
  // Where the file system cannot reserve, this writes into every block; a hole would be filled only later.
  do {
    errno = ::posix_fallocate(spill.file, 0, bytes);
  } while (errno == EINTR);
  if (errno != 0) fail(fmt::format("cannot reserve {} in '{}'", format_size(bytes), directory));
  return map_memory(bytes, MAP_SHARED, spill.file);
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
}

void Buffer::page_out() const {
  if (spilled_) (void)::madvise(data_, static_cast<std::size_t>(size_), MADV_DONTNEED);
}

std::unique_ptr<Buffer> BufferPool::take(std::int64_t bytes) {
  if (bytes == 0) return std::make_unique<Buffer>(nullptr, 0, false);
  const bool spill = memory_bytes_ + bytes > budget_bytes_;
  std::byte* data =
      spill ? map_spill_file(bytes, spill_directory_) : map_memory(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (!spill) memory_bytes_ += bytes;
  return std::make_unique<Buffer>(data, bytes, spill);
}

void BufferPool::give_back(std::unique_ptr<Buffer> buffer) {
  if (!buffer->spilled()) memory_bytes_ -= std::ssize(buffer->bytes());
}

}  // namespace brainsurgery
