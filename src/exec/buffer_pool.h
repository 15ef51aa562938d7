// Memory for tensors that have to exist as a whole: anonymous memory within the budget, an unlinked file beyond it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brainsurgery {

// Read and written like memory; given back at destruction.
class Buffer {
 public:
  Buffer(std::byte* data, std::int64_t size, bool spilled) : data_(data), size_(size), spilled_(spilled) {}
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, static_cast<std::size_t>(size_)}; }
  [[nodiscard]] bool spilled() const { return spilled_; }
  // Of a spilled one: lets the system have its pages, which come back from the file when they are touched.
  void page_out() const;

 private:
  std::byte* data_;
  std::int64_t size_;
  bool spilled_;
};

// Memory that is no whole tensor: a tile, a value that the program looks at. Throws Error(run) that names its size.
[[nodiscard]] std::vector<std::byte> take_memory(std::int64_t bytes);

// One per plan or check that is carried out; called by the coordinating thread only.
class BufferPool {
 public:
  // `budget_bytes`: what may be held in anonymous memory. `spill_directory` is created when it is first needed.
  BufferPool(std::int64_t budget_bytes, std::string spill_directory)
      : budget_bytes_(budget_bytes), spill_directory_(std::move(spill_directory)) {}

  // Throws Error(run) when there is neither memory nor disk space.
  [[nodiscard]] std::unique_ptr<Buffer> take(std::int64_t bytes);
  void give_back(std::unique_ptr<Buffer> buffer);

 private:
  std::int64_t budget_bytes_;
  std::string spill_directory_;
  std::int64_t memory_bytes_ = 0;  // in use, spilled ones not included
};

}  // namespace brainsurgery
