// How the elements of one tensor are made, a range at a time: a short list of operations on tiles.
//
// A Program speaks of a linear range [begin, end) of its result's elements in row-major order. Every instruction
// produces that range of some value with the same number of elements. The sources, which
// read files and buffers, are done first and for the whole range; then the others, a block of elements at a time, so that
// what is between a source and the result stays in the processor's cache. Programs are immutable and shared between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "brainsurgery/expr.h"
#include "planner/reduction_grid.h"
#include "planner/view.h"

namespace brainsurgery {

struct Program;
using ProgramPtr = std::shared_ptr<const Program>;

// Packed elements that can be read at random.
struct FilePlace {
  std::shared_ptr<const ReadableFile> file;
  std::int64_t offset;  // bytes
};
struct BufferPlace {  // a tensor that was computed as a whole, see Materialization
  int buffer;
  std::int64_t offset;  // bytes
};
struct LiteralPlace {
  Expr literal;
  std::int64_t offset;  // bytes
};
using Place = std::variant<FilePlace, BufferPlace, LiteralPlace>;

namespace ops {
struct Load {  // element i of the range is element i of the place
  Place place;
};
struct Gather {  // element i is where `map` says
  Place place;
  StridedMap map;
};
struct Draw {  // element i is the random number whose index is where `map` says
  nodes::Random random;  // with a key
  StridedMap map;
};
struct Take {  // blocks of `taken` rows of `inner` elements, each made of `rows` rows of the place
  Place place;
  Place index;  // int64: which
  std::int64_t rows, taken, inner;
};
struct Map {
  const Operation* operation;
  Parameters parameters;
  std::vector<int> inputs;
  bool counts_zeros = false;  // of its divisor
};
struct Join {  // rows made of one piece of each part, one after another
  std::vector<ProgramPtr> parts;
  std::vector<std::int64_t> lengths;  // elements of a row that come from each part
};
struct Patch {  // the input with the elements that `map` names replaced, in order, by those of value
  int input;
  ProgramPtr value;
  StridedMap map;  // monotonic
};
}  // namespace ops

struct Instruction {
  DType dtype;
  std::variant<ops::Load, ops::Gather, ops::Draw, ops::Take, ops::Map, ops::Join, ops::Patch> op;
  int slot = 0;  // the buffer that it writes; kResultSlot: the caller's
  MakerPtr maker = nullptr;
};

inline constexpr int kResultSlot = -1;
// Elements of a block: two values of 4 bytes fit a first-level cache of 64 KB, or a second-level cache many times.
inline constexpr std::int64_t kBlockElements = 8192;

// Values that somebody looks at while they pass by.
struct Tap {
  int number;  // of a reduction: see PassingReductions, or of one of the results of a pass
  int after;   // the instruction behind which all operands are there
  std::vector<int> operands;
};

struct Program {
  DType dtype = DType::F32;
  std::int64_t elements = 0;
  std::int64_t item_bytes = 1;   // of the result; types below 8 bits are moved as bytes
  std::int64_t widest_item = 1;  // bytes, of all instructions: what an element of a block takes
  std::int64_t tile_item = 1;    // bytes, of those that hold the whole range
  std::vector<Instruction> code;
  int result = -1;  // the instruction that makes it; -1: taps look at what is made, at the whole range at once
  std::vector<Tap> taps;
  bool in_blocks = true;  // false: everything is done for the whole range
  int tile_slots = 0;     // buffers [0, tile_slots) hold the whole range of a source,
  int slots = 0;          // [tile_slots, slots) a block of what is between
  // Where elements are read at random: ranges should begin and end at a multiple of as many. Else 0.
  std::int64_t gathered_row = 0;

  // Whether elements are read at random that may not be in memory, here or in a part. Ranges should then be large.
  bool reads_boxes = false;

  // Set when the result is a range of a file, unchanged; taps do not matter.
  [[nodiscard]] const FilePlace* verbatim() const;
};

// Whether all bytes of a place can be had in memory. Those of a buffer perhaps not: it may be in a file.
[[nodiscard]] bool is_memory(const Place& place);
// Whether an instruction reads few elements, which stand in many places: no large tiles are needed to read them well.
[[nodiscard]] bool is_at_hand(const ops::Gather& gather);
// See Program::reads_boxes.
[[nodiscard]] bool reads_boxes(const Instruction& instruction);
// Whether an instruction reads a file or a buffer at length. Numbers of the plan, drawn ones, and the few of a buffer
// that stand in many places cost nothing to make in pieces.
[[nodiscard]] bool is_source(const Instruction& instruction);
// Whether an instruction gives the same number in every block.
[[nodiscard]] bool is_constant(const Instruction& instruction);
// The earlier instructions that an instruction uses.
[[nodiscard]] std::vector<int> inputs_of(const Instruction& instruction);
// Makes one instruction of two where an operation does what both do and nothing else needs what is between them.
void merge_steps(Program& program);
// Chooses buffers: in place where the operand is not needed any more, few in all.
void assign_slots(Program& program);
// Adds the instructions of `from`, those that are there already excepted, and gives the place of its result. `into`
// needs its buffers chosen anew.
int add_instructions(Program& into, const Program& from);
// Whether one has an instruction that the other has, too.
[[nodiscard]] bool share_work(const Program& a, const Program& b);
// Where the first of the elements that a program reads come from: programs that share work mostly have the same.
using SourceName = std::pair<const void*, std::int64_t>;
[[nodiscard]] SourceName first_source(const Program& program);
// The instruction behind which all of these are there: sources are from the beginning.
[[nodiscard]] int last_of(const Program& program, const std::vector<int>& operands);
// Finds out from the instructions what is said of all of them; then chooses buffers.
void complete(Program& program);
[[nodiscard]] std::string to_string(const Program& program);

// A tensor that has to exist as a whole before others can be made from it.
struct Materialization {
  struct Matmul {
    Place a, b;
    TensorDesc a_desc, b_desc;
  };
  struct SingularFactors {
    Place matrix;
    TensorDesc matrix_desc;  // F64 or F32
    bool exact;
  };
  // Reducers that are applied to elements of one shape, all of which are made from sources that some share, in the same
  // passes over these.
  struct Reduction {
    struct Result {
      const Reducer* reducer;
      ReducerParameters parameters;
      std::vector<DType> operands;  // their dtypes
      DType dtype;
      std::int64_t offset;  // bytes, in the buffer
    };
    // Makes the elements of all operands in the order of `shape`; tap i has those of result i.
    ProgramPtr program;
    ReductionShape shape;
    bool by_rows = false;  // see Reducer, of all of them
    int passes = 1;
    std::vector<Result> results;
  };
  TensorDesc desc;  // of a reduction: the first result's
  std::int64_t bytes = 0;
  std::variant<ProgramPtr, Matmul, SingularFactors, nodes::Random, Reduction> how;  // Random: a stream
  bool needs_libtorch = false;  // see DenseCost
  std::int64_t work_bytes = 0;  // about what making it takes besides; stages count it against the budget
  std::vector<int> needs;       // buffers it is made from
  int uses = 0;                 // how many consumers there are in all; it can be dropped after the last
  MakerPtr maker = nullptr;
};

// A tensor ready to be computed.
struct CompiledTensor {
  ProgramPtr program;
  std::vector<int> needs;  // buffers the program reads
};

}  // namespace brainsurgery
