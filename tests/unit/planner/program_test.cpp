// Tile buffers: no instruction may write over a value that is still needed.
#include "planner/program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "kernels/comparisons.h"
#include "planner/compiler.h"
#include "unit/planner/named_file.h"
#include "support/expressions.h"

namespace brainsurgery {
namespace {

Expr equality(const Expr& a, const Expr& b) { return reduce(kernels::equality(), {a, b}); }

std::shared_ptr<const ReadableFile> any_file() { return std::make_shared<const testing::NamedFile>(); }

// Performs the program on slots that remember whose value they hold: all sources, then the others.
void expect_no_live_value_is_overwritten(const Program& program) {
  const int size = static_cast<int>(program.code.size());
  std::vector<int> order;
  for (const bool sources : {true, false}) {
    for (int i = 0; i < size; ++i) {
      if (is_source(program.code[i]) == sources) order.push_back(i);
    }
  }
  // Constants are still there for the second block.
  for (int i = 0; i + 1 < size; ++i) {
    if (!is_constant(program.code[i])) continue;
    ASSERT_EQ(std::ranges::count(program.code, program.code[i].slot, &Instruction::slot), 1);
  }
  std::map<int, int> holder;  // slot to instruction
  for (const int i : order) {
    const Instruction& instruction = program.code[i];
    const bool is_source = brainsurgery::is_source(instruction);
    const auto before = holder.find(instruction.slot);
    const bool in_place = before != holder.end() && std::ranges::count(inputs_of(instruction), before->second) > 0;
    for (const int input : inputs_of(instruction)) {
      ASSERT_LT(input, i);
      ASSERT_EQ(holder.at(program.code[input].slot), input) << "instruction " << i << " of " << to_string(program);
      if (program.code[input].slot == instruction.slot) {
        ASSERT_EQ(info(program.code[input].dtype).bits, info(instruction.dtype).bits) << to_string(program);
      }
    }
    if (instruction.slot != kResultSlot) {
      ASSERT_GE(instruction.slot, 0);
      ASSERT_LT(instruction.slot, program.slots);
      const bool is_whole = instruction.slot < program.tile_slots;
      const bool is_first = program.result < 0 && before == holder.end();  // of what taps want as a whole
      ASSERT_TRUE(is_source ? is_whole && before == holder.end() : !is_whole || in_place || is_first)
          << "the blocks of a source that are still to come are overwritten: " << to_string(program);
    } else {
      ASSERT_EQ(info(instruction.dtype).bits, info(program.dtype).bits)
          << "the caller's buffer has room for the result only";
    }
    holder[instruction.slot] = i;
    for (const Tap& tap : program.taps) {
      if (tap.after != i) continue;
      for (const int operand : tap.operands) {
        ASSERT_EQ(holder.at(program.code[operand].slot), operand)
            << "looked at after " << i << " of " << to_string(program);
      }
    }
  }
  if (program.result < 0) {
    ASSERT_FALSE(holder.contains(kResultSlot));
    for (const Tap& tap : program.taps) {
      for (const int operand : tap.operands) {
        ASSERT_LT(program.code[operand].slot, program.tile_slots);
        ASSERT_EQ(holder.at(program.code[operand].slot), operand) << to_string(program);
      }
    }
  } else {
    ASSERT_EQ(holder.at(kResultSlot), program.result);
  }
}

Program any_program(std::mt19937& engine) {
  Program program;
  const DType dtypes[] = {DType::F32, DType::I32, DType::F64, DType::F16};
  const int size = 1 + static_cast<int>(engine() % 14);
  for (int i = 0; i < size; ++i) {
    const auto any = [&] { return static_cast<int>(engine() % static_cast<unsigned>(i)); };
    // By a function: GCC 12 takes members of a temporary for uninitialised where an operand could throw.
    const auto map = [](const char* name, std::vector<int> inputs) {
      ops::Map op{&operation(name), {}, std::move(inputs)};
      if (op.operation->parameters[0] == "by") op.parameters.numbers[0] = 2;
      return op;
    };
    Instruction instruction{dtypes[engine() % 4], ops::Load{FilePlace{nullptr, 0}}, 0};
    switch (i == 0 ? 0 : engine() % 6) {
      case 0:
        break;
      case 1:
        instruction.op = map("cast", {any()});
        break;
      case 2:
        instruction.op = map("scale", {any()});
        break;
      case 3:
        instruction.op = map("add", {any(), any()});
        break;
      case 4:
        instruction.op = ops::Gather{LiteralPlace{{}, 0}, {0, {8}, {0}}};
        break;
      default:
        instruction.op = ops::Patch{any(), nullptr, {}};
    }
    program.code.push_back(instruction);
  }
  program.result = engine() % 2 == 0 ? size - 1 : static_cast<int>(engine() % static_cast<unsigned>(size + 1)) - 1;
  if (program.result >= 0) program.dtype = program.code[program.result].dtype;
  for (auto left = engine() % 3; left > 0; --left) {
    Tap tap{0, 0, {static_cast<int>(engine() % program.code.size()), static_cast<int>(engine() % program.code.size())}};
    tap.after = last_of(program, tap.operands);
    program.taps.push_back(std::move(tap));
  }
  assign_slots(program);
  return program;
}

TEST(AssignSlots, KeepsLiveValues) {
  std::mt19937 engine(1);
  for (int i = 0; i < 20'000; ++i) {
    expect_no_live_value_is_overwritten(any_program(engine));
    if (::testing::Test::HasFatalFailure()) FAIL() << "round " << i;
  }
}

TEST(AssignSlots, AChainOfOneWidthWorksInTheCallersBuffer) {
  Expr expr = source(any_file(), 0, {DType::F32, {8}});
  for (int i = 0; i < 20; ++i) expr = scale(expr, 2);
  const CompiledTensor tensor = Compiler({}).compile(expr);
  EXPECT_EQ(tensor.program->slots, 0);
  EXPECT_EQ(tensor.program->code.size(), 21U);
}

TEST(AssignSlots, AChainOfSumsNeedsABufferForAllSourcesButOne) {
  Expr expr = source(any_file(), 0, {DType::F32, {8}});
  for (int i = 1; i < 20; ++i) expr = add(expr, source(any_file(), 1000 * i, {DType::F32, {8}}));
  const CompiledTensor tensor = Compiler({}).compile(expr);
  EXPECT_EQ(tensor.program->tile_slots, 19);
  EXPECT_EQ(tensor.program->slots, 19);
}

TEST(Program, AsText) {
  const Expr values = literal({DType::F32, {4, 2}}, std::vector<std::byte>(32));
  EXPECT_EQ(to_string(*Compiler({}).compile(cast(permute(scale(values, 2), {1, 0}), DType::F16)).program),
            "%0 = gather literal shape [2, 4] strides [1, 2] from 0 float32; %1 = scale by 2 %0 float32; %2 = cast %1 "
            "float16");
}

std::string compiled(const Expr& expr) { return to_string(*Compiler({}).compile(expr).program); }

TEST(MergeSteps, InTheirOrder) {
  const auto file = std::make_shared<testing::NamedFile>("a");
  const Expr half = source(file, 0, {DType::BF16, {4}}), wide = source(file, 0, {DType::F32, {4}});
  EXPECT_EQ(compiled(cast(clamp(scale(cast(half, DType::F32), 3), 0, {}), DType::BF16)),
            "%0 = load a @0 bfloat16; %1 = float steps by 3 min 0 %0 bfloat16");
  EXPECT_EQ(compiled(clamp(scale(clamp(scale(wide, 3), 0, 1), 2), {}, 1)),
            "%0 = load a @0 float32; %1 = float steps by 3 min 0 max 1 %0 float32; %2 = float steps by 2 max 1 %1 float32");
  EXPECT_EQ(compiled(scale(clamp(wide, 0, 1), 3)),
            "%0 = load a @0 float32; %1 = clamp min 0 max 1 %0 float32; %2 = scale by 3 %1 float32");
  EXPECT_EQ(compiled(cast(cast(wide, DType::BF16), DType::F32)),
            "%0 = load a @0 float32; %1 = cast %0 bfloat16; %2 = cast %1 float32")
      << "rounding is a step";
  EXPECT_EQ(compiled(clamp(scale(half, 3), 0, 1)),
            "%0 = load a @0 bfloat16; %1 = scale by 3 %0 bfloat16; %2 = clamp min 0 max 1 %1 bfloat16")
      << "rounded in between";
  EXPECT_EQ(compiled(cast(scale(cast(wide, DType::F64), 3), DType::F32)),
            "%0 = load a @0 float32; %1 = cast %0 float64; %2 = scale by 3 %1 float64; %3 = cast %2 float32");
}

TEST(MergeSteps, NotWhereOthersNeedWhatIsBetween) {
  const auto file = std::make_shared<testing::NamedFile>("a");
  const Expr scaled = scale(cast(source(file, 0, {DType::BF16, {4}}), DType::F32), 2);
  EXPECT_EQ(compiled(add(clamp(scaled, 0, 1), scaled)),
            "%0 = load a @0 bfloat16; %1 = float steps by 2 %0 float32; %2 = clamp min 0 max 1 %1 float32; %3 = add %2 %1 float32");
  const Expr other = source(file, 8, {DType::F32, {4}});
  PassingReductions passing;
  passing.add(equality(other, scaled));
  EXPECT_EQ(to_string(*Compiler({.passing = &passing}).compile(cast(clamp(scaled, 0, 1), DType::BF16)).program),
            "%0 = load a @0 bfloat16; %1 = float steps by 2 %0 float32; %2 = float steps min 0 max 1 %1 bfloat16; %3 = "
            "load a @8 float32; test %3 and %1");
}

// Each source that is read along makes tiles smaller.
TEST(Program, ReadsAFewSourcesAlong) {
  const auto file = std::make_shared<testing::NamedFile>("a");
  const Expr scaled = scale(source(file, 0, {DType::F32, {4}}), 2);
  PassingReductions passing;
  for (int i = 1; i <= 100; ++i) passing.add(equality(source(file, 16 * i, {DType::F32, {4}}), scaled));
  const ProgramPtr program = Compiler({.passing = &passing}).compile(scaled).program;
  EXPECT_EQ(program->taps.size(), 32u);
  EXPECT_EQ(program->code.size(), 34u);
}

// Reductions of values that a program makes are made by it; a source that they are held against is read along.
TEST(Program, FindsReductionsOnTheWay) {
  const auto file = std::make_shared<testing::NamedFile>("a"), other = std::make_shared<testing::NamedFile>("b");
  const Expr w = source(file, 0, {DType::F32, {4}}), v = source(other, 8, {DType::F32, {4}});
  const Expr scaled = scale(w, 2);
  const auto compiled = [&](const Expr& expr, const PassingReductions& passing) {
    return to_string(*Compiler({.passing = &passing}).compile(expr).program);
  };
  PassingReductions own;
  own.add(equality(w, scaled));
  EXPECT_EQ(compiled(scaled, own), "%0 = load a @0 float32; %1 = scale by 2 %0 float32; test %0 and %1");
  EXPECT_EQ(compiled(w, own), "%0 = load a @0 float32") << "a copy stays one";
  PassingReductions all;
  for (const Expr& number : {equality(w, scaled), equality(v, scaled), equality(v, w), equality(permute(scaled, {0}), v)})
    all.add(number);
  EXPECT_EQ(compiled(scaled, all),
            "%0 = load a @0 float32; %1 = scale by 2 %0 float32; %2 = load b @8 float32; test %0 and %1; test %2 and "
            "%1; test %2 and %0; test %1 and %2");
  // One of two sources that are only read along is found too.
  const Expr u = source(other, 24, {DType::F32, {4}});
  PassingReductions others;
  for (const Expr& number : {equality(v, scaled), equality(u, scaled), equality(v, u)}) others.add(number);
  EXPECT_EQ(Compiler({.passing = &others}).compile(scaled).program->taps.size(), 3u);
  Compiler once({.passing = &all});
  EXPECT_EQ(once.compile(scaled).program->taps.size(), 4u);
  EXPECT_EQ(once.compile(clamp(scaled, 0, {})).program->taps.size(), 0u) << "they are found already";
}

TEST(Program, MakesWhatReductionsOfItsValuesAreOf) {
  const auto file = std::make_shared<testing::NamedFile>("a");
  const Expr w = source(file, 0, {DType::F32, {4}});
  PassingReductions passing;
  passing.add(reduce(reducer("count"), {map(operation("is_finite"), {w})}));
  passing.add(cast(reduce(reducer("max"), {w}), DType::F64));
  passing.add(reduce(reducer("mean"), {w}));
  EXPECT_EQ(passing.size(), 2U) << "a mean depends on the order of its sums";
  EXPECT_EQ(to_string(*Compiler({.passing = &passing}).compile(scale(w, 2)).program),
            "%0 = load a @0 float32; %1 = scale by 2 %0 float32; %2 = is_finite %0 bool; test %2; test %0");
}

}  // namespace
}  // namespace brainsurgery
