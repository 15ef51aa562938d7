// Where the operands of programs are while they run: files, mapped where they are read at random, and tensors that were
// computed as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "exec/buffers.h"
#include "exec/tile_runner.h"

namespace brainsurgery {

// Maps the files that are read at random, and knows where computed tensors are.
class Places final : public PlaceReader {
 public:
  void read(const Place& place, std::int64_t offset, std::span<std::byte> into) const override;
  [[nodiscard]] std::optional<std::span<const std::byte>> memory(const Place& place) const override;

  // Before a program runs: maps what it reads at random. Both throw Error(run) where a file does not hold its tensor.
  void prepare(const Program& program);
  // `bytes`: what will be read, from the place's first element on. Gives them, whatever the place.
  std::span<std::byte const> map(const Place& place, std::int64_t bytes);
  // A buffer that is made as a whole, until finish().
  [[nodiscard]] std::span<std::byte> map_made(int buffer);
  // After it: gives the mapped pages back, and throws Error(run) if a file turned out to be damaged.
  void finish();

  std::vector<std::unique_ptr<Buffer>> buffers;  // by buffer number; null: not made

 private:
  void map_file(const FilePlace& place, std::int64_t bytes);

  std::map<const ReadableFile*, std::shared_ptr<const FileMap>> maps_;
  std::vector<int> mapped_buffers_;  // of those that are in files
};

}  // namespace brainsurgery
