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
  for (const Tap& tap : program.taps) {
    for (const int operand : tap.operands) ++uses[static_cast<std::size_t>(operand)];
  }
  if (program.result >= 0) ++uses[static_cast<std::size_t>(program.result)];
  return uses;
}

void move_inputs(Instruction& instruction, const std::vector<int>& place) {
  std::visit(
      [&place](auto& op) {
        if constexpr (requires { op.input; }) {
          op.input = place[static_cast<std::size_t>(op.input)];
        } else if constexpr (requires { op.inputs; }) {
          for (int& input : op.inputs) input = place[static_cast<std::size_t>(input)];
        }
      },
      instruction.op);
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
  for (Instruction& instruction : kept) move_inputs(instruction, place);
  if (program.result >= 0) move(program.result);
  for (Tap& tap : program.taps) {
    move(tap.after);
    std::ranges::for_each(tap.operands, move);
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

namespace {

// What taps want as a whole, since there is nothing else that is made.
std::vector<bool> wanted_whole(const Program& program) {
  std::vector<bool> wanted(program.code.size(), false);
  if (program.result >= 0) return wanted;
  for (const Tap& tap : program.taps) {
    for (const int operand : tap.operands) wanted[static_cast<std::size_t>(operand)] = true;
  }
  return wanted;
}

}  // namespace

void assign_slots(Program& program) {
  const int size = static_cast<int>(program.code.size());
  const std::vector<bool> is_wanted = wanted_whole(program);
  std::vector<int> last_use(size);
  for (int i = 0; i < size; ++i) {
    last_use[i] = i;
    for (const int input : inputs_of(program.code[i])) last_use[input] = i;
  }
  if (program.result >= 0) last_use[program.result] = size;
  for (const Tap& tap : program.taps) {
    if (is_source(program.code[tap.after])) continue;  // sources are looked at before anything else is done
    for (const int operand : tap.operands) {
      if (operand != tap.after) last_use[operand] = std::max(last_use[operand], tap.after + 1);
    }
  }
  // Constants are made once for all blocks.
  const auto stays = [&](int i) { return i != program.result && !is_wanted[i] && is_constant(program.code[i]); };
  for (int i = 0; i < size; ++i) last_use[i] = stays(i) || is_wanted[i] ? size : last_use[i];
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
  const int result = program.result >= 0 ? path[program.result] : -1;
  program.tile_slots = 0;
  for (int i = 0; i < size; ++i) {
    if (path[i] != result && is_source(program.code[i])) slot[path[i]] = program.tile_slots++;
  }
  for (int i = 0; i < size; ++i) {
    if (is_wanted[i] && slot[path[i]] == kResultSlot) slot[path[i]] = program.tile_slots++;
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
    if (p == result || intervals[p].first != i || slot[p] != kResultSlot) continue;
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

int last_of(const Program& program, const std::vector<int>& operands) {
  return *std::ranges::max_element(operands, {}, [&](int i) { return std::pair(!is_source(program.code[i]), i); });
}

void complete(Program& program) {
  const std::vector<bool> is_wanted = wanted_whole(program);
  program.item_bytes = item_size(program.dtype);
  program.tile_item = program.result >= 0 ? program.item_bytes : 1;
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& instruction = program.code[i];
    program.widest_item = std::max(program.widest_item, item_size(instruction.dtype));
    program.reads_boxes = program.reads_boxes || reads_boxes(instruction);
    // What is patched in would be read in as many pieces.
    if (std::holds_alternative<ops::Patch>(instruction.op)) program.in_blocks = false;
    if (is_source(instruction) || is_wanted[i])
      program.tile_item = std::max(program.tile_item, item_size(instruction.dtype));
  }
  if (!program.in_blocks) program.tile_item = program.widest_item;
  assign_slots(program);
}

namespace {

bool same_place(const Place& a, const Place& b) {
  if (a.index() != b.index()) return false;
  if (const auto* file = std::get_if<FilePlace>(&a)) {
    const auto& other = std::get<FilePlace>(b);
    return file->file == other.file && file->offset == other.offset;
  }
  if (const auto* buffer = std::get_if<BufferPlace>(&a)) {
    const auto& other = std::get<BufferPlace>(b);
    return buffer->buffer == other.buffer && buffer->offset == other.offset;
  }
  const auto &literal = std::get<LiteralPlace>(a), &other = std::get<LiteralPlace>(b);
  return literal.literal == other.literal && literal.offset == other.offset;
}

bool same_map(const StridedMap& a, const StridedMap& b) {
  return a.offset == b.offset && a.shape == b.shape && a.strides == b.strides;
}

bool same_draws(const nodes::Random& a, const nodes::Random& b) {
  return a.distribution == b.distribution && a.a == b.a && a.b == b.b && a.seed == b.seed && a.key == b.key;
}

bool same_instruction(const Instruction& a, const Instruction& b);

bool same_program(const ProgramPtr& a, const ProgramPtr& b) {
  return a == b || std::ranges::equal(a->code, b->code, same_instruction);
}

// Whether two operations certainly make the same elements; their inputs are places of one program.
struct SameOperation {
  bool operator()(const ops::Load& a, const ops::Load& b) const { return same_place(a.place, b.place); }
  bool operator()(const ops::Gather& a, const ops::Gather& b) const {
    return same_place(a.place, b.place) && same_map(a.map, b.map);
  }
  bool operator()(const ops::Draw& a, const ops::Draw& b) const {
    return same_draws(a.random, b.random) && same_map(a.map, b.map);
  }
  bool operator()(const ops::Take& a, const ops::Take& b) const {
    return same_place(a.place, b.place) && same_place(a.index, b.index) && a.rows == b.rows && a.taken == b.taken &&
           a.inner == b.inner;
  }
  bool operator()(const ops::Map& a, const ops::Map& b) const {
    return a.operation == b.operation && a.inputs == b.inputs && a.parameters == b.parameters;
  }
  bool operator()(const ops::Join& a, const ops::Join& b) const {
    return a.lengths == b.lengths && std::ranges::equal(a.parts, b.parts, same_program);
  }
  bool operator()(const ops::Patch& a, const ops::Patch& b) const {
    return a.input == b.input && same_map(a.map, b.map) && same_program(a.value, b.value);
  }
  template <typename One, typename Other>
  bool operator()(const One&, const Other&) const {
    return false;
  }
};

bool same_instruction(const Instruction& a, const Instruction& b) {
  return a.dtype == b.dtype && std::visit(SameOperation{}, a.op, b.op);
}

SourceName name_of(const Place& place) {
  if (const auto* file = std::get_if<FilePlace>(&place)) return {file->file.get(), file->offset};
  if (const auto* buffer = std::get_if<BufferPlace>(&place)) return {nullptr, buffer->buffer};
  return {std::get<LiteralPlace>(place).literal.get(), 0};
}

}  // namespace

bool share_work(const Program& a, const Program& b) {
  return std::ranges::any_of(a.code, [&b](const Instruction& one) {
    return std::ranges::any_of(b.code, [&one](const Instruction& other) { return same_instruction(one, other); });
  });
}

SourceName first_source(const Program& program) {
  for (const Instruction& instruction : program.code) {
    if (!is_source(instruction)) continue;  // numbers of the plan, say
    if (const auto* load = std::get_if<ops::Load>(&instruction.op)) return name_of(load->place);
    if (const auto* gather = std::get_if<ops::Gather>(&instruction.op)) return name_of(gather->place);
    if (const auto* take = std::get_if<ops::Take>(&instruction.op)) return name_of(take->place);
    if (const auto* join = std::get_if<ops::Join>(&instruction.op)) return first_source(*join->parts.front());
  }
  return {nullptr, -1};
}

int add_instructions(Program& into, const Program& from) {
  std::vector<int> place;
  for (Instruction instruction : from.code) {
    move_inputs(instruction, place);
    const auto known = std::ranges::find_if(
        into.code, [&instruction](const Instruction& other) { return same_instruction(other, instruction); });
    place.push_back(static_cast<int>(known - into.code.begin()));
    if (known == into.code.end()) into.code.push_back(std::move(instruction));
  }
  into.gathered_row = std::max(into.gathered_row, from.gathered_row);
  return place[static_cast<std::size_t>(from.result)];
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
  if (program.result < 0) return text;
  for (const Tap& tap : program.taps) text += fmt::format("; test %{}", fmt::join(tap.operands, " and %"));
  return text;
}

}  // namespace brainsurgery
