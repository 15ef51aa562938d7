// Room for tensors that have to exist as a whole: anonymous memory, or an unlinked file where the budget has no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brainsurgery {

// Given back at destruction. One in a file is mapped too, for who needs all of it at once; what is touched there is
// resident until page_out.
class Buffer {
 public:
  // `file`: of a spilled one, which is then closed; else -1.
  Buffer(std::byte* data, std::int64_t size, int file) : data_(data), size_(size), file_(file) {}
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, static_cast<std::size_t>(size_)}; }
  [[nodiscard]] bool spilled() const { return file_ >= 0; }
  // Without making anything resident. Both may be called from several threads.
  void read(std::int64_t offset, std::span<std::byte> into) const;
  void write(std::int64_t offset, std::span<const std::byte> from) const;
  // Of a spilled one: lets the system have its pages, which come back from the file when they are touched.
  void page_out() const;

 private:
  std::byte* data_;
  std::int64_t size_;
  int file_;
};

// Memory that is no whole tensor: a tile, a value that the program looks at. Throws Error(run) that names its size.
[[nodiscard]] std::vector<std::byte> take_memory(std::int64_t bytes);

// Both throw Error(run) when there is neither memory nor disk space.
[[nodiscard]] std::unique_ptr<Buffer> memory_buffer(std::int64_t bytes);
// `directory` is created if it is not there, and removed again.
[[nodiscard]] std::unique_ptr<Buffer> spilled_buffer(std::int64_t bytes, const std::string& directory);

}  // namespace brainsurgery
