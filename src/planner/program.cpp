#include "planner/program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {

const FilePlace* Program::verbatim() const {
  if (code.size() != 1) return nullptr;
  const auto* load = std::get_if<ops::Load>(&code.front().op);
  return load == nullptr ? nullptr : std::get_if<FilePlace>(&load->place);
}

bool is_memory(const Place& place) {
  const auto* file = std::get_if<FilePlace>(&place);
  return file != nullptr ? file->file->access() == FileAccess::mapped : std::holds_alternative<LiteralPlace>(place);
}

bool is_at_hand(const ops::Gather& gather) {
  const auto* file = std::get_if<FilePlace>(&gather.place);
  return gather.map.repeats() && (file == nullptr || is_memory(gather.place));
}

bool reads_boxes(const Instruction& instruction) {
  if (const auto* gather = std::get_if<ops::Gather>(&instruction.op))
    return !is_memory(gather->place) && !is_at_hand(*gather);
  if (const auto* join = std::get_if<ops::Join>(&instruction.op))
    return std::ranges::any_of(join->parts, [](const ProgramPtr& part) { return part->reads_boxes; });
  const auto* patch = std::get_if<ops::Patch>(&instruction.op);
  return patch != nullptr && patch->value->reads_boxes;
}

std::vector<int> inputs_of(const Instruction& instruction) {
  return std::visit(
      [](const auto& op) -> std::vector<int> {
        if constexpr (requires { op.input; }) {
          return {op.input};
        } else if constexpr (requires { op.inputs; }) {
          return op.inputs;
        } else {
          return {};
        }
      },
      instruction.op);
}

bool is_source(const Instruction& instruction) {
  const auto is_literal = [](const Place& place) { return std::holds_alternative<LiteralPlace>(place); };
  if (const auto* load = std::get_if<ops::Load>(&instruction.op)) return !is_literal(load->place);
  if (const auto* gather = std::get_if<ops::Gather>(&instruction.op))
    return !is_literal(gather->place) && !(std::holds_alternative<BufferPlace>(gather->place) && is_at_hand(*gather));
  return !std::holds_alternative<ops::Draw>(instruction.op) && inputs_of(instruction).empty();
}

bool is_constant(const Instruction& instruction) {
  const auto* gather = std::get_if<ops::Gather>(&instruction.op);
  return gather != nullptr && !is_source(instruction) &&
         std::ranges::all_of(gather->map.strides, [](std::int64_t stride) { return stride == 0; });
}

namespace {

// The instruction as an operation on its only input.
std::optional<OperationUse> use_of(const Program& program, const Instruction& instruction) {
  const auto* map = std::get_if<ops::Map>(&instruction.op);
  if (map == nullptr || map->inputs.size() != 1) return std::nullopt;
  return OperationUse{map->operation, map->parameters, program.code[map->inputs.front()].dtype, instruction.dtype};
}

// How often each value is needed.
std::vector<int> use_counts(const Program& program) {
  std::vector<int> uses(program.code.size(), 0);
  for (const Instruction& instruction : program.code) {
    for (const int input : inputs_of(instruction)) ++uses[static_cast<std::size_t>(input)];
  }
  for (const Test& test : program.tests) {
    for (const int operand : test.operands) ++uses[static_cast<std::size_t>(operand)];
  }
  return uses;
}

void remove_instructions(Program& program, const std::vector<bool>& is_gone) {
  std::vector<int> place(program.code.size(), -1);
  std::vector<Instruction> kept;
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    if (is_gone[i]) continue;
    place[i] = static_cast<int>(kept.size());
    kept.push_back(std::move(program.code[i]));
  }
  const auto move = [&place](int& index) { index = place[static_cast<std::size_t>(index)]; };
  for (Instruction& instruction : kept) {
    std::visit(
        [&](auto& op) {
          if constexpr (requires { op.input; }) {
            move(op.input);
          } else if constexpr (requires { op.inputs; }) {
            std::ranges::for_each(op.inputs, move);
          }
        },
        instruction.op);
  }
  for (Test& test : program.tests) {
    move(test.after);
    std::ranges::for_each(test.operands, move);
  }
  program.code = std::move(kept);
}

}  // namespace

void merge_steps(Program& program) {
  if (program.code.size() < 3) return;
  const std::vector<int> uses = use_counts(program);
  std::vector<bool> is_gone(program.code.size(), false);
  for (Instruction& instruction : program.code) {
    const std::optional<OperationUse> second = use_of(program, instruction);
    if (!second) continue;
    const auto before = static_cast<std::size_t>(inputs_of(instruction).front());
    const std::optional<OperationUse> first = use_of(program, program.code[before]);
    if (!first || uses[before] > 1) continue;
    const std::optional<OperationUse> both = merged(*first, *second);
    if (!both) continue;
    instruction.op = ops::Map{both->operation, both->parameters, inputs_of(program.code[before])};
    is_gone[before] = true;
  }
  remove_instructions(program, is_gone);
}

void assign_slots(Program& program) {
  const int size = static_cast<int>(program.code.size());
  std::vector<int> last_use(size, size);
  for (int i = 0; i < size; ++i) {
    for (const int input : inputs_of(program.code[i])) last_use[input] = i;
  }
  for (const Test& test : program.tests) {
    if (is_source(program.code[test.after])) continue;  // sources are tested before anything else is done
    for (const int operand : test.operands) {
      if (operand != test.after) last_use[operand] = std::max(last_use[operand], test.after + 1);
    }
  }
  // Constants are made once for all blocks.
  const auto stays = [&program, size](int i) { return i + 1 < size && is_constant(program.code[i]); };
  for (int i = 0; i < size; ++i) last_use[i] = stays(i) ? size : last_use[i];
  // A path is a run of instructions that can work in place on one buffer: each is the last user of the one before.
  std::vector<int> path(size, -1);
  struct Interval {
    int first, last;
  };
  std::vector<Interval> intervals;
  for (int i = size - 1; i >= 0; --i) {
    if (path[i] < 0) {
      path[i] = static_cast<int>(intervals.size());
      intervals.push_back({i, last_use[i]});
    }
    intervals[path[i]].first = i;
    const std::vector<int> inputs = inputs_of(program.code[i]);
    if (inputs.empty()) continue;
    const int input = inputs.front();
    if (path[input] < 0 && last_use[input] == i &&
        info(program.code[input].dtype).bits == info(program.code[i].dtype).bits) {
      path[input] = path[i];
    }
  }
  // The result's path has the caller's buffer, that of each other source its own, since all sources are there at once.
  std::vector<int> slot(intervals.size(), kResultSlot);
  program.tile_slots = 0;
  for (int i = 0; i < size; ++i) {
    if (path[i] != path[size - 1] && is_source(program.code[i])) slot[path[i]] = program.tile_slots++;
  }
  std::vector<int> busy_until;
  for (int i = 0; i < size; ++i) {
    if (!stays(i)) continue;
    slot[path[i]] = program.tile_slots + static_cast<int>(busy_until.size());
    busy_until.push_back(size);
  }
  // The others get buffers greedily by first instruction.
  for (int i = 0; i < size; ++i) {
    const int p = path[i];
    if (p == path[size - 1] || intervals[p].first != i || slot[p] != kResultSlot) continue;
    const auto free = std::ranges::find_if(busy_until, [i](int until) { return until < i; });
    slot[p] = program.tile_slots + static_cast<int>(free - busy_until.begin());
    if (free == busy_until.end()) {
      busy_until.push_back(intervals[p].last);
    } else {
      *free = intervals[p].last;
    }
  }
  for (int i = 0; i < size; ++i) program.code[i].slot = slot[path[i]];
  program.slots = program.tile_slots + static_cast<int>(busy_until.size());
}

namespace {

std::string describe(const Place& place) {
  if (const auto* file = std::get_if<FilePlace>(&place))
    return fmt::format("{} @{}", escape_for_terminal(file->file->path()), file->offset);
  if (const auto* buffer = std::get_if<BufferPlace>(&place)) return fmt::format("buffer {}", buffer->buffer);
  return "literal";
}

std::string describe(const StridedMap& map) {
  return fmt::format("shape [{}] strides [{}] from {}", fmt::join(map.shape, ", "), fmt::join(map.strides, ", "),
                     map.offset);
}

struct Describe {
  std::string operator()(const ops::Load& op) const { return "load " + describe(op.place); }
  std::string operator()(const ops::Gather& op) const {
    return fmt::format("gather {} {}", describe(op.place), describe(op.map));
  }
  std::string operator()(const ops::Draw& op) const {
    return fmt::format("draw seed {} key {} {}", op.random.seed, *op.random.key, describe(op.map));
  }
  std::string operator()(const ops::Take& op) const {
    return fmt::format("take {} of {} rows of {} of {} by {}", op.taken, op.rows, op.inner, describe(op.place),
                       describe(op.index));
  }
  std::string operator()(const ops::Map& op) const {
    return fmt::format("{} %{}", brainsurgery::describe(*op.operation, op.parameters), fmt::join(op.inputs, " %"));
  }
  std::string operator()(const ops::Join& op) const {
    return fmt::format("join {} parts of [{}]", op.parts.size(), fmt::join(op.lengths, ", "));
  }
  std::string operator()(const ops::Patch& op) const {
    return fmt::format("patch %{} at {}", op.input, describe(op.map));
  }
};

}  // namespace

std::string to_string(const Program& program) {
  std::string text;
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& instruction = program.code[i];
    text += fmt::format("{}%{} = {} {}", text.empty() ? "" : "; ", i, std::visit(Describe{}, instruction.op),
                        to_string(instruction.dtype));
  }
  for (const Test& test : program.tests) text += fmt::format("; test %{}", fmt::join(test.operands, " and %"));
  return text;
}

}  // namespace brainsurgery
