#include "exec/places.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "brainsurgery/error.h"
#include "graph/visitor.h"
#include "planner/program_costs.h"

namespace brainsurgery {

void Places::read(const Place& place, std::int64_t offset, std::span<std::byte> into) const {
  if (const auto* file = std::get_if<FilePlace>(&place)) {
    file->file->read(file->offset + offset, into);
  } else if (const auto* buffer = std::get_if<BufferPlace>(&place)) {
    buffers[buffer->buffer]->read(buffer->offset + offset, into);
  } else if (!into.empty()) {
    std::memcpy(into.data(), memory(place)->data() + offset, into.size());
  }
}

std::optional<std::span<const std::byte>> Places::memory(const Place& place) const {
  if (const auto* file = std::get_if<FilePlace>(&place)) {
    if (!is_memory(place)) return std::nullopt;
    return maps_.at(file->file.get())->bytes().subspan(static_cast<std::size_t>(file->offset));
  }
  if (const auto* buffer = std::get_if<BufferPlace>(&place)) {
    if (buffers[buffer->buffer]->spilled()) return std::nullopt;
    return buffers[buffer->buffer]->bytes().subspan(static_cast<std::size_t>(buffer->offset));
  }
  const auto& literal = std::get<LiteralPlace>(place);
  return std::span(as<nodes::Literal>(literal.literal)->bytes).subspan(static_cast<std::size_t>(literal.offset));
}

void Places::prepare(const Program& program) {
  for (const Instruction& instruction : program.code) {
    if (const auto* gather = std::get_if<ops::Gather>(&instruction.op)) {
      const auto* file = std::get_if<FilePlace>(&gather->place);
      if (file != nullptr && is_memory(gather->place)) map_file(*file, extent(*gather, instruction.dtype));
    }
    if (const auto* join = std::get_if<ops::Join>(&instruction.op)) {
      for (const ProgramPtr& part : join->parts) prepare(*part);
    }
    if (const auto* patch = std::get_if<ops::Patch>(&instruction.op)) prepare(*patch->value);
  }
}

void Places::map_file(const FilePlace& place, std::int64_t bytes) {
  if (bytes == 0) return;
  std::shared_ptr<const FileMap>& map = maps_[place.file.get()];
  if (!map) map = place.file->map();
  if (place.offset + bytes > std::ssize(map->bytes())) {
    throw Error(ErrorCode::run, fmt::format("cannot read '{}': it is shorter than {} bytes (truncated?)",
                                            place.file->path(), place.offset + bytes));
  }
}

std::span<const std::byte> Places::map(const Place& place, std::int64_t bytes) {
  if (bytes == 0) return {};
  if (const auto* file = std::get_if<FilePlace>(&place)) map_file(*file, bytes);
  const auto* buffer = std::get_if<BufferPlace>(&place);
  if (buffer == nullptr) return *memory(place);
  return map_made(buffer->buffer).subspan(static_cast<std::size_t>(buffer->offset));
}

std::span<std::byte> Places::map_made(int buffer) {
  if (buffers[buffer]->spilled()) mapped_buffers_.push_back(buffer);
  return buffers[buffer]->bytes();
}

void Places::finish() {
  for (const int buffer : std::exchange(mapped_buffers_, {})) buffers[buffer]->page_out();
  for (const auto& [file, map] : maps_) {
    if (map->damaged())
      throw Error(ErrorCode::run, "'" + file->path() + "' became shorter or unreadable while it was read");
    map->release(0, std::ssize(map->bytes()));
  }
}

}  // namespace brainsurgery
