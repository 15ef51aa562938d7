// Runs programs on ranges of elements. One per worker thread: it owns the scratch memory of the tiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "exec/division_counts.h"
#include "planner/program.h"

namespace brainsurgery {

// Memory that can be handed back for the next tile. Blocks begin at a cache line: the kernel's copies from and to the
// page cache take a fifth longer elsewhere, and so do vector instructions.
class Scratch {
 public:
  class Block {
   public:
    Block(Scratch& owner, std::vector<std::byte> memory) : owner_(owner), memory_(std::move(memory)) {}
    ~Block() { owner_.free_.push_back(std::move(memory_)); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    [[nodiscard]] std::byte* data() {
      const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
      return memory_.data() + (kCacheLine - address % kCacheLine) % kCacheLine;
    }

   private:
    Scratch& owner_;
    std::vector<std::byte> memory_;
  };
  [[nodiscard]] std::unique_ptr<Block> take(std::int64_t bytes);

 private:
  static constexpr std::int64_t kCacheLine = 64;
  std::vector<std::vector<std::byte>> free_;
};

// Where the bytes of places are. May be called from several threads.
class PlaceReader {
 public:
  virtual ~PlaceReader() = default;
  // Copies bytes [offset, offset + into.size()) of the place; throws Error(run) where a file is too short.
  virtual void read(const Place& place, std::int64_t offset, std::span<std::byte> into) const = 0;
  // The bytes of the place from its first element on, for reading at random; nullopt where they are not in memory.
  [[nodiscard]] virtual std::optional<std::span<const std::byte>> memory(const Place& place) const = 0;
};

// Looks at values while they pass by.
class TapReader {
 public:
  virtual ~TapReader() = default;
  // Elements [first, first + count) of the operands of a tap.
  virtual void take(const Tap& tap, std::span<const void* const> operands, std::int64_t first, std::int64_t count) = 0;
};

class TileRunner {
 public:
  explicit TileRunner(const PlaceReader& places) : places_(places) {}

  // Writes elements [begin, end) of the program's result to `out`: (end - begin) * program.item_bytes bytes, aligned to
  // its elements; where there is no result, `out` is nullptr. `reader`: for the taps, or nullptr.
  void run(const Program& program, std::int64_t begin, std::int64_t end, std::byte* out, TapReader* reader = nullptr);
  // Of divisions since the runner was made.
  [[nodiscard]] const DivisionCounts& divisions() const { return divisions_; }
  // Bytes of files that were read since the last call.
  [[nodiscard]] std::int64_t take_read_bytes() { return std::exchange(read_bytes_, 0); }

 private:
  friend struct RunInstruction;

  const PlaceReader& places_;
  Scratch scratch_;
  std::int64_t read_bytes_ = 0;
  DivisionCounts divisions_;
};

}  // namespace brainsurgery
