#include "planner/program_costs.h"

#include <algorithm>

namespace brainsurgery {
namespace {

bool is_file(const Place& place) { return std::holds_alternative<FilePlace>(place); }

// Adds up `cost` of all instructions, those of parts included.
template <typename Cost>
std::int64_t total(const Program& program, const Cost& cost) {
  std::int64_t sum = 0;
  for (const Instruction& instruction : program.code) {
    sum += cost(program, instruction);
    if (const auto* join = std::get_if<ops::Join>(&instruction.op)) {
      for (const ProgramPtr& part : join->parts) sum += total(*part, cost);
    }
    if (const auto* patch = std::get_if<ops::Patch>(&instruction.op)) sum += total(*patch->value, cost);
  }
  return sum;
}

bool is_read(const Place& place, const std::vector<bool>& in_files) {
  const auto* buffer = std::get_if<BufferPlace>(&place);
  if (buffer == nullptr) return !is_memory(place);
  const auto number = static_cast<std::size_t>(buffer->buffer);
  return number < in_files.size() && in_files[number];
}

std::int64_t scratch_of(const Instruction& instruction, std::int64_t elements, const std::vector<bool>& in_files) {
  std::int64_t most = 0;
  const auto consider = [&](const Program& part, std::int64_t wanted) {
    const std::int64_t count = std::min(wanted, part.elements);
    most = std::max(most, count * part.item_bytes + scratch_bytes(part, count, in_files));
  };
  if (const auto* gather = std::get_if<ops::Gather>(&instruction.op)) {
    if (is_read(gather->place, in_files)) return elements * item_size(instruction.dtype);
  }
  if (const auto* take = std::get_if<ops::Take>(&instruction.op))
    return (std::min(take->taken, elements / take->inner + 1) + 1) * item_size(DType::I64);
  if (const auto* join = std::get_if<ops::Join>(&instruction.op)) {
    for (const ProgramPtr& part : join->parts) consider(*part, elements);
  }
  if (const auto* patch = std::get_if<ops::Patch>(&instruction.op)) consider(*patch->value, elements);
  return most;
}

}  // namespace

std::int64_t extent(const ops::Gather& gather, DType dtype) {
  std::int64_t last = gather.map.offset;
  for (std::size_t i = 0; i < gather.map.shape.size(); ++i) {
    if (gather.map.shape[i] == 0) return 0;
    last += (gather.map.shape[i] - 1) * gather.map.strides[i];
  }
  return (last + 1) * item_size(dtype);
}

std::int64_t read_bytes(const Program& program) {
  return total(program, [](const Program& of, const Instruction& instruction) -> std::int64_t {
    const auto* load = std::get_if<ops::Load>(&instruction.op);
    const auto* gather = std::get_if<ops::Gather>(&instruction.op);
    const auto* take = std::get_if<ops::Take>(&instruction.op);
    const bool reads = (load != nullptr && is_file(load->place)) || (gather != nullptr && is_file(gather->place)) ||
                       (take != nullptr && is_file(take->place));
    return reads ? of.elements * item_size(instruction.dtype) : 0;
  });
}

std::int64_t mapped_bytes(const Program& program) {
  return total(program, [](const Program&, const Instruction& instruction) -> std::int64_t {
    const auto* gather = std::get_if<ops::Gather>(&instruction.op);
    if (gather == nullptr || !is_file(gather->place) || !is_memory(gather->place)) return 0;
    const std::int64_t item = item_size(instruction.dtype);
    return std::max<std::int64_t>(0, extent(*gather, instruction.dtype) - gather->map.offset * item);
  });
}

std::int64_t scratch_bytes(const Program& program, std::int64_t elements, const std::vector<bool>& in_files) {
  std::int64_t most = 0;
  for (const Instruction& instruction : program.code)
    most = std::max(most, scratch_of(instruction, elements, in_files));
  const std::int64_t block = program.in_blocks ? std::min(kBlockElements, elements) : elements;
  return program.tile_slots * elements * program.tile_item +
         (program.slots - program.tile_slots) * block * program.widest_item + most;
}

}  // namespace brainsurgery
