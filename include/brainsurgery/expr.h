// What a tensor is: a handle to an immutable node of an expression graph.
//
//   Expr w = source(file, offset, {DType::BF16, {4, 4}});
//   Expr half = map(operation("scale"), {w}, {.numbers = {0.5}});   // nothing is read or computed yet
//   half.desc().shape;                         // known at once
//
// Meaning, for every node:
//  - An expression denotes its elements in row-major order; how they are stored or computed is not part of it.
//  - Each elementwise operation rounds once to its dtype; half types are computed in float; integers wrap.
//  - A NaN that arithmetic produces has one pattern per dtype; copies keep payloads.
//  - Empty tensors (a dimension of 0) and scalars (rank 0) are legal everywhere.
//  - Nodes never change and never alias: a write to a name makes a new expression for that name.
//
// Construction checks shapes and dtypes and throws Error(plan) with both operands' descriptions; the caller adds names.
// An Expr may be copied and read from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/env.h"
#include "brainsurgery/error.h"
#include "brainsurgery/operation.h"
#include "brainsurgery/reducer.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

class Node;

class Expr {
 public:
  Expr() = default;
  explicit Expr(std::shared_ptr<const Node> node) : node_(std::move(node)) {}

  [[nodiscard]] explicit operator bool() const { return node_ != nullptr; }
  [[nodiscard]] const Node& node() const { return *node_; }
  [[nodiscard]] const Node* get() const { return node_.get(); }
  [[nodiscard]] const TensorDesc& desc() const;
  [[nodiscard]] DType dtype() const { return desc().dtype; }
  [[nodiscard]] const Shape& shape() const { return desc().shape; }
  [[nodiscard]] std::shared_ptr<const Node> release() { return std::move(node_); }
  // Same node: certainly the same elements. Different nodes may still hold equal ones.
  friend bool operator==(const Expr& a, const Expr& b) { return a.node_ == b.node_; }

 private:
  friend bool is_new(const Expr& expr);

  std::shared_ptr<const Node> node_;
};

// The kinds of node; src/graph/nodes.def lists them once more for visitors.
namespace nodes {
struct Source {  // elements of a file
  std::shared_ptr<const ReadableFile> file;
  std::int64_t offset;                // bytes, of the first element
  std::vector<std::int64_t> strides;  // in elements, >= 0; empty: packed row-major
};
struct Literal {  // packed elements written in the plan
  std::vector<std::byte> bytes;
};
struct Random {
  enum class Distribution : std::uint8_t { uniform, normal, fraction } distribution;
  double a, b;  // low and high, or mean and standard deviation; of `fraction` nothing
  std::uint64_t seed;
  std::optional<std::uint64_t> key;  // given: each element follows from seed, key and its index; else they are a stream
};
struct Unreadable {  // a tensor of a file whose elements cannot be read; never an operand
  std::string form;  // "sparse COO float32"
};
struct Slice {  // the part `region` of base
  Expr base;
  Region region;
};
struct Permute {  // dimension i of the result is dimension order[i] of base
  Expr base;
  std::vector<int> order;
};
struct Reshape {  // the same elements in row-major order
  Expr base;
};
struct Broadcast {  // base repeated along leading and size-1 dimensions
  Expr base;
};
struct Map {  // an elementwise operation on operands of one shape
  const Operation* operation;
  Parameters parameters;
  std::vector<Expr> parts;
};
struct Reduce {  // few numbers out of many
  const Reducer* reducer;
  ReducerParameters parameters;  // all that the reducer has
  std::vector<Expr> parts;       // of one shape
  std::vector<int> axes;         // those that disappear, increasing
  bool keepdim;                  // they stay, of size 1
};
struct Take {  // parts of base of size 1 along `dim`, one after another
  Expr base;
  Expr index;  // int64 [n]: which
  int dim;
};
struct Concat {
  std::vector<Expr> parts;
  int dim;
};
struct Overwrite {  // base with the elements of `region` replaced by `value`
  Expr base;
  Region region;
  Expr value;
};
struct Matmul {
  Expr a, b;
};
struct SingularFactors {  // of a matrix: F64 [rows + columns, count], see singular_factors()
  Expr base;
  std::int64_t count;
  bool exact;  // a full decomposition, else block Krylov iteration
};
}  // namespace nodes

using NodeKind = std::variant<nodes::Source, nodes::Literal, nodes::Random, nodes::Unreadable, nodes::Slice,
                              nodes::Permute, nodes::Reshape, nodes::Broadcast, nodes::Map, nodes::Reduce,
                              nodes::Take, nodes::Concat, nodes::Overwrite, nodes::Matmul, nodes::SingularFactors>;

// The step that made a tensor: for messages about mistakes that only the elements show.
struct Maker {
  int step;             // in its list of steps, from 1
  std::string command;  // "take"
  std::string tensor;   // that the step wrote: "model::x"
  SourceSpan place;     // in the plan

  friend bool operator==(const Maker& a, const Maker& b) {
    return a.step == b.step && a.command == b.command && a.tensor == b.tensor;
  }
};
using MakerPtr = std::shared_ptr<const Maker>;

class Node {
 public:
  Node(TensorDesc desc, NodeKind kind);
  ~Node();  // iterative: graphs may be deep
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] const TensorDesc& desc() const { return desc_; }
  [[nodiscard]] const NodeKind& kind() const { return kind_; }
  // Nodes on the longest way down to a leaf, this one included.
  [[nodiscard]] int depth() const { return depth_; }
  // nullptr: unknown, or that of a node that is made of this one.
  [[nodiscard]] const MakerPtr& maker() const { return maker_; }

 private:
  friend void sign(const Expr& expr, MakerPtr maker);

  TensorDesc desc_;
  NodeKind kind_;
  int depth_;
  MakerPtr maker_;
};

inline const TensorDesc& Expr::desc() const { return node_->desc(); }

// Whether nobody else has a handle to the node.
[[nodiscard]] bool is_new(const Expr& expr);
// Says who made a node that is new.
void sign(const Expr& expr, MakerPtr maker);
// The expressions a node is made from, in order.
[[nodiscard]] std::vector<Expr> operands(const Node& node);
// "scale by 0.5 bfloat16 [4, 4] (source a.safetensors @128 bfloat16 [4, 4])": for tests and debuggers.
// Deep and large graphs are cut.
[[nodiscard]] std::string to_string(const Expr& expr);

// `strides`: how far apart the elements stand along each dimension, in elements, >= 0 (0 repeats); empty for a packed
// row-major tensor, which is the only form of types below 8 bits.
[[nodiscard]] Expr source(std::shared_ptr<const ReadableFile> file, std::int64_t offset, TensorDesc desc,
                          std::vector<std::int64_t> strides = {});
// `bytes`: packed, byte_count(desc) of them.
[[nodiscard]] Expr literal(TensorDesc desc, std::vector<std::byte> bytes);
// A floating dtype. Uniform: a <= x < b; normal: mean a, standard deviation b > 0. The stream is MT19937's from `seed`.
[[nodiscard]] Expr random(TensorDesc desc, nodes::Random::Distribution distribution, double a, double b,
                          std::uint64_t seed);
// The same, but every element is a function of seed, key and its index in row-major order (Philox4x32-10): a part is made
// without what is before it, in any order, and tensors with one seed and different keys hold different values.
struct CounterSeed {
  std::uint64_t seed, key;
};
[[nodiscard]] Expr random(TensorDesc desc, nodes::Random::Distribution distribution, double a, double b,
                          const CounterSeed& seed);
// F32 or F64: multiples of 2^-24 in [0, 1), of 24 bits of a word of a counter, so that one counter serves four elements.
// Half the work of uniform values, and what a choice with a probability needs.
[[nodiscard]] Expr random_fractions(TensorDesc desc, const CounterSeed& seed);
// A tensor that can be named, renamed, copied and deleted. Every node that would need its elements throws Error(plan).
// `desc`: its dtype counts only where `form` names it.
[[nodiscard]] Expr unreadable(TensorDesc desc, std::string form);
[[nodiscard]] bool is_readable(const Expr& expr);
// Throws Error(plan) that says what the tensor called `label` is.
void require_readable(const Expr& expr, std::string_view label);
// "float32", or the form of a tensor whose elements cannot be read.
[[nodiscard]] std::string form_of(const Expr& expr);
// The selected part; whole regions give `base` itself.
[[nodiscard]] Expr slice(Expr base, Region region);
// `order`: a permutation of 0..rank-1.
[[nodiscard]] Expr permute(Expr base, std::vector<int> order);
// `shape`: positive sizes, one of them may be -1 and is inferred; element counts must agree.
[[nodiscard]] Expr reshape(Expr base, Shape shape);
// By PyTorch's rules: trailing dimensions are aligned, size 1 repeats.
[[nodiscard]] Expr broadcast(Expr base, Shape shape);
// As many operands as the operation has, whose dtypes it takes as they are: nothing is promoted. Shapes are broadcast.
[[nodiscard]] Expr map(const Operation& operation, std::vector<Expr> operands, const Parameters& parameters = {});
// The operation "cast". The same dtype gives `base` itself, unless its elements are read from quantised blocks: a format
// that has these would store them otherwise.
[[nodiscard]] Expr cast(Expr base, DType dtype);
// As many operands as the reducer has, of dtypes that it takes; they are broadcast to one shape. `axes`: the dimensions
// that are reduced, negative ones counted from the end; none: all of them. `keepdim`: they stay, of size 1. Parameters
// that are not given have the reducer's defaults. Refuses axes without elements where these make no number.
[[nodiscard]] Expr reduce(const Reducer& reducer, std::vector<Expr> operands, std::vector<int> axes = {},
                          bool keepdim = false, const ReducerParameters& parameters = {});
// `index`: integers [n], from 0, which are checked when they are there; dimension `dim` of the result has size n (0 <= dim
// < rank), as by torch.index_select.
[[nodiscard]] Expr take(Expr base, Expr index, int dim);
// parts: at least one; equal rank >= 1, dtype and sizes outside `dim` (0 <= dim < rank). The message names the part's
// position.
[[nodiscard]] Expr concat(std::vector<Expr> parts, int dim);
// value: region.shape(), dtype of base.
[[nodiscard]] Expr overwrite(Expr base, Region region, Expr value);
// torch.matmul's rules for ranks >= 1: vectors, matrices, batches with broadcasting. One dtype, not BOOL and not 8-bit
// floats.
[[nodiscard]] Expr matmul(Expr a, Expr b);

// How singular values are found. `krylov` gives an approximation whose Frobenius error exceeds the best one's by at
// most 1e-5 of it (docs/arithmetic.md), many times faster where few values of a large matrix are wanted; `automatic`
// takes it there.
enum class SingularMethod : std::uint8_t { automatic, exact, krylov };
// Factors of the best approximation of base [m, n] (F64, F32, F16 or BF16; m, n >= 1) by a matrix of rank
// r = min(rank, m, n), with base ~ U diag(s) V^T: left is U sqrt(diag(s)) [m, r], right is sqrt(diag(s)) V^T [r, n],
// both F64, so that left @ right is that approximation. The largest entry of each row of right is positive. One
// decomposition serves both, and others of the same base and method whose ranks round up to the same multiple of 16.
struct LowRank {
  Expr left, right;
};
[[nodiscard]] LowRank low_rank(Expr base, std::int64_t rank, SingularMethod method);

}  // namespace brainsurgery
