#include "planner/program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"

namespace brainsurgery {

const FilePlace* Program::verbatim() const {
  if (code.size() != 1) return nullptr;
  const auto* load = std::get_if<ops::Load>(&code.front().op);
  return load == nullptr ? nullptr : std::get_if<FilePlace>(&load->place);
}

std::vector<int> inputs_of(const Instruction& instruction) {
  return std::visit(
      [](const auto& op) -> std::vector<int> {
        if constexpr (requires { op.input; }) {
          return {op.input};
        } else if constexpr (requires { op.operation; }) {
          return {op.a, op.b};
        } else {
          return {};
        }
      },
      instruction.op);
}

void assign_slots(Program& program) {
  const int size = static_cast<int>(program.code.size());
  std::vector<int> last_use(size, size);
  for (int i = 0; i < size; ++i) {
    for (const int input : inputs_of(program.code[i])) last_use[input] = i;
  }
  for (const Test& test : program.tests) {
    for (const int operand : test.operands) {
      if (operand != test.after) last_use[operand] = std::max(last_use[operand], test.after + 1);
    }
  }
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
    if (path[i] != path[size - 1] && inputs_of(program.code[i]).empty()) slot[path[i]] = program.tile_slots++;
  }
  // The others get buffers greedily by first instruction.
  std::vector<int> busy_until;
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
  std::string operator()(const ops::Cast& op) const { return fmt::format("cast %{}", op.input); }
  std::string operator()(const ops::Scale& op) const { return fmt::format("scale %{} by {}", op.input, op.factor); }
  std::string operator()(const ops::Clamp& op) const { return fmt::format("clamp %{}", op.input); }
  std::string operator()(const ops::Binary& op) const {
    return fmt::format("{} %{} %{}", to_string(op.operation), op.a, op.b);
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
