#include "planner/compiler.h"

#include <algorithm>
#include <set>

#include "base/scoped_value.h"
#include "brainsurgery/error.h"
#include "graph/visitor.h"
#include "planner/dense_costs.h"
#include "planner/source_reads.h"

namespace brainsurgery {
namespace {

// Chains longer than this are cut by a materialization, so that no recursion here is deeper.
constexpr int kMaxDepth = 256;
// A part that several programs of one tensor need is computed once if it is deeper than this.
constexpr int kCheapDepth = 3;

std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end) {
  std::int64_t result = 1;
  for (std::size_t i = begin; i < end; ++i) result *= shape[i];
  return result;
}

// Sources that a program reads only to hold others against them. Each takes a buffer, and makes tiles smaller.
constexpr int kMostReadAlong = 32;

bool is_leaf(const Node& node) { return node.depth() == 1; }

void require_readable(const ReadableFile& file) {
  const BlockCode* code = file.blocks();
  if (code != nullptr && !code->unreadable.empty()) throw Error(ErrorCode::run, code->unreadable);
}

bool is_cut(const Node& node) { return node.depth() % kMaxDepth == 0; }

// The elements of a part of a concatenation that a view selects along the joined dimension.
struct PartRange {
  std::int64_t first;  // index in the part
  std::int64_t count;
};

PartRange part_of(const View::Axis& axis, std::int64_t wanted, std::int64_t part_begin, std::int64_t part_size) {
  const auto index_at_or_after = [&axis](std::int64_t position) {
    return position <= axis.start ? std::int64_t{0} : (position - axis.start + axis.step - 1) / axis.step;
  };
  const std::int64_t begin = std::min(index_at_or_after(part_begin), wanted);
  const std::int64_t end = std::min(index_at_or_after(part_begin + part_size), wanted);
  return {axis.start + begin * axis.step - part_begin, end - begin};
}

}  // namespace

// Builds one program: everything that speaks of the same range of elements.
class ProgramBuilder {
 public:
  ProgramBuilder(Compiler& compiler, std::vector<int>& needs) : compiler_(compiler), needs_(needs) {}

  // `whole`: the node itself, not the buffer that it may already have. `taps`: for those of the compiler's passing
  // reductions whose elements are at hand.
  [[nodiscard]] ProgramPtr build(const Expr& expr, const View& view, bool whole = false, bool taps = false) {
    Program program;
    program.elements = element_count(view.out_shape);
    program_ = &program;
    root_ = expr.get();
    if (info(expr.dtype()).bits % 8 != 0) {
      emit_bytes(expr);
      program.result = static_cast<int>(program.code.size()) - 1;
      program.dtype = DType::U8;
      program.elements = byte_count(expr.dtype(), view.out_shape);
    } else {
      program.dtype = expr.dtype();
      program.result = whole ? emit_node(expr, view) : emit(expr, view);
    }
    for (const Instruction& instruction : program.code) {
      const auto* gather = std::get_if<ops::Gather>(&instruction.op);
      if (gather != nullptr && !is_at_hand(*gather)) program.gathered_row = view.out_shape.back();
    }
    if (taps && compiler_.options_.passing != nullptr) add_taps(program, *compiler_.options_.passing);
    merge_steps(program);
    complete(program);
    return std::make_shared<const Program>(std::move(program));
  }

 private:
  struct Emitted {
    View view;
    int result;
    [[nodiscard]] bool is_in_order() const { return view.is_identity(); }
  };

  // For reductions of tensors that pass by as a whole and in their order, or of what elementwise operations make of
  // them. A source that they are held against is read along: that is less than to read both again.
  void add_taps(Program& program, const PassingReductions& passing) {
    if (program.verbatim() != nullptr) return;  // a copy stays one
    for (std::set<int> open = at_hand(passing); !open.empty(); open = at_hand(passing)) {
      for (const int number : open) {
        const std::vector<Expr> operands = brainsurgery::operands(passing[number].node());
        looked_at_.insert(number);
        int along = 0;
        const auto is_there = [&](const Expr& operand) { return can_make(operand, along); };
        if (!std::ranges::all_of(operands, is_there) || along + read_along_ > kMostReadAlong) continue;
        read_along_ += along;
        Tap tap{number, 0, {}};
        for (const Expr& operand : operands) tap.operands.push_back(make(operand));
        compiler_.tapped_.insert(number);
        program.taps.push_back(std::move(tap));
      }
    }
    for (Tap& tap : program.taps) tap.after = last_of(program, tap.operands);
  }
  // Those that have a part that is there, unless another program has taps for them.
  [[nodiscard]] std::set<int> at_hand(const PassingReductions& passing) const {
    std::set<int> numbers;
    for (const auto& [node, emitted] : emitted_) {
      if (std::ranges::none_of(emitted, &Emitted::is_in_order)) continue;
      for (const int number : passing.of(node)) {
        if (!compiler_.tapped_.contains(number) && !looked_at_.contains(number)) numbers.insert(number);
      }
    }
    return numbers;
  }
  // The instruction that makes the elements of a tensor in their order; -1: none does.
  [[nodiscard]] int in_order(const Expr& expr) const {
    const auto emitted = emitted_.find(expr.get());
    if (emitted == emitted_.end()) return -1;
    const auto found = std::ranges::find_if(emitted->second, &Emitted::is_in_order);
    return found == emitted->second.end() ? -1 : found->result;
  }
  // Whether the elements are there, in their order, or can be made of such; `along`: how many sources more are read.
  [[nodiscard]] bool can_make(const Expr& expr, int& along) const {
    if (in_order(expr) >= 0) return true;
    const Expr of = base_of_broadcast(expr);
    if (as<nodes::Literal>(of) != nullptr) return true;
    const auto* source = as<nodes::Source>(expr);
    if (source != nullptr && source->strides.empty()) return ++along <= kMostReadAlong;
    const auto* map = as<nodes::Map>(expr);
    return map != nullptr && expr.node().depth() < kMaxDepth &&
           std::ranges::all_of(map->parts, [&](const Expr& part) { return can_make(part, along); });
  }
  int make(const Expr& expr) {
    if (const int known = in_order(expr); known >= 0) return known;
    const View view = View::identity(expr.shape());
    const auto* map = as<nodes::Map>(expr);
    if (map == nullptr) return emit(expr, view);
    const ScopedValue maker(compiler_.maker_, compiler_.maker_of(expr));
    ops::Map made{map->operation, map->parameters, {}};
    for (const Expr& part : map->parts) made.inputs.push_back(make(part));
    const int result = add(expr.dtype(), std::move(made));
    emitted_[expr.get()].push_back({view, result});
    return result;
  }
  static Expr base_of_broadcast(const Expr& expr) {
    const auto* broadcast = as<nodes::Broadcast>(expr);
    return broadcast == nullptr ? expr : broadcast->base;
  }

  int add(DType dtype, decltype(Instruction::op) op) {
    program_->code.push_back({dtype, std::move(op), 0, compiler_.maker_});
    return static_cast<int>(program_->code.size()) - 1;
  }

  int emit(const Expr& expr, const View& view) {
    for (const Emitted& known : emitted_[expr.get()]) {
      if (known.view == view) return known.result;
    }
    const int result = emit_new(expr, view);
    emitted_[expr.get()].push_back({view, result});
    return result;
  }

  int emit_new(const Expr& expr, const View& view) {
    const Node& node = expr.node();
    if (const auto known = compiler_.known_.find(&node); known != compiler_.known_.end())
      return emit_node(known->second, view);
    if (const auto buffer = compiler_.buffers_.find(&node); buffer != compiler_.buffers_.end()) {
      return emit_buffer(buffer->second, expr, view);
    }
    if (is_leaf(node)) return emit_node(expr, view);
    const bool shared = ++compiler_.visits_[&node] > 1 && node.depth() > kCheapDepth;
    const bool unfused = !compiler_.options_.fuse && &node != root_;
    if (shared || unfused || is_cut(node) || is_repeated(expr, view)) return emit_buffer(compiler_.materialize(expr), expr, view);
    return emit_node(expr, view);
  }

  // A few numbers that take several operations, and stand in many places: `rsqrt(mean + eps)` of each row.
  static bool is_repeated(const Expr& expr, const View& view) {
    constexpr std::int64_t kTimes = 4;
    const std::int64_t count = std::max<std::int64_t>(1, element_count(expr.shape()));
    return expr.node().depth() > 2 && element_count(view.out_shape) / kTimes >= count;
  }

  int emit_node(const Expr& expr, const View& view) {
    const ScopedValue maker(compiler_.maker_, compiler_.maker_of(expr));
    const View* seen = &view;
    View own;
    if (view.in_shape != expr.shape() && !is_elementwise(expr.node())) {
      if (view.is_identity()) {
        own = View::identity(expr.shape());
        seen = &own;
      } else if (!is_leaf(expr.node())) {
        return emit_buffer(compiler_.materialize(expr), expr, view);
      }
    }
    return std::visit([&](const auto& kind) { return emit_kind(kind, expr, *seen); }, expr.node().kind());
  }

  int emit_kind(const nodes::Source& node, const Expr& expr, const View& view) {
    require_readable(*node.file);
    StridedMap map;
    if (node.strides.empty()) {
      map = strided(view);
    } else if (const auto strides = reshaped_strides(expr.shape(), node.strides, view.in_shape)) {
      map = strided(view, *strides);
    } else {
      return emit_buffer(compiler_.materialize(expr), expr, view);
    }
    if (map.is_contiguous())
      return add(expr.dtype(), ops::Load{FilePlace{node.file, node.offset + map.offset * item_size(expr.dtype())}});
    if (reads_well_at_random(node, map, expr.dtype()))
      return add(expr.dtype(), ops::Gather{FilePlace{node.file, node.offset}, map});
    const BufferPlace place = compiler_.materialize(node.strides.empty() ? expr : compiler_.stretch_of(expr));
    compiler_.use(place.buffer, needs_);
    return add(expr.dtype(), ops::Gather{place, map});
  }
  int emit_kind(const nodes::Literal&, const Expr& expr, const View& view) {
    const StridedMap map = strided(view);
    if (map.is_contiguous())
      return add(expr.dtype(), ops::Load{LiteralPlace{expr, map.offset * item_size(expr.dtype())}});
    return add(expr.dtype(), ops::Gather{LiteralPlace{expr, 0}, map});
  }
  int emit_kind(const nodes::Unreadable&, const Expr& expr, const View&) {
    require_readable(expr, "a tensor");
    fail_check("a tensor whose elements cannot be read", __FILE__, __LINE__);
  }
  int emit_kind(const nodes::Random& node, const Expr& expr, const View& view) {
    if (node.key) return add(expr.dtype(), ops::Draw{node, strided(view)});
    return emit_buffer(compiler_.materialize(expr), expr, view);
  }
  int emit_kind(const nodes::Matmul&, const Expr& expr, const View& view) {
    return emit_buffer(compiler_.materialize(expr), expr, view);
  }
  int emit_kind(const nodes::SingularFactors&, const Expr& expr, const View& view) {
    return emit_buffer(compiler_.materialize(expr), expr, view);
  }
  int emit_kind(const nodes::Reduce&, const Expr& expr, const View& view) {
    return emit_buffer(compiler_.materialize(expr), expr, view);
  }
  int emit_kind(const nodes::Slice& node, const Expr&, const View& view) {
    return emit(node.base, view.through_slice(node.region, node.base.shape()));
  }
  int emit_kind(const nodes::Permute& node, const Expr&, const View& view) {
    return emit(node.base, view.through_permute(node.order, node.base.shape()));
  }
  int emit_kind(const nodes::Broadcast& node, const Expr&, const View& view) {
    return emit(node.base, view.through_broadcast(node.base.shape()));
  }
  int emit_kind(const nodes::Reshape& node, const Expr&, const View& view) { return emit(node.base, view); }
  int emit_kind(const nodes::Map& node, const Expr& expr, const View& view) {
    ops::Map map{node.operation, node.parameters, {}};
    for (const Expr& part : node.parts) {
      const bool is_chosen = node.operation->domain == Operation::Domain::choice && !map.inputs.empty();
      const ScopedValue chosen(compiler_.is_chosen_, compiler_.is_chosen_ || is_chosen);
      map.inputs.push_back(emit(part, view));
    }
    map.counts_zeros = !compiler_.is_chosen_ && compiler_.maker_ != nullptr && divides_floats(node) &&
                       compiler_.divisions_.claim(expr, view);
    return add(expr.dtype(), std::move(map));
  }

  int emit_kind(const nodes::Take& node, const Expr& expr, const View& view) {
    if (!view.is_identity()) return emit_buffer(compiler_.materialize(expr), expr, view);
    const Shape& shape = node.base.shape();
    const auto dim = static_cast<std::size_t>(node.dim);
    const std::int64_t inner = product(shape, dim + 1, shape.size());
    Place base = compiler_.row_operand(node.base, inner, needs_);
    const BufferPlace index = compiler_.materialize(node.index);
    compiler_.use(index.buffer, needs_);
    return add(expr.dtype(), ops::Take{std::move(base), index, shape[dim], expr.shape()[dim], inner});
  }

  int emit_kind(const nodes::Concat& node, const Expr& expr, const View& view) {
    const View::Axis& axis = view.axes[node.dim];
    std::int64_t begin = 0;
    struct Piece {
      const Expr* part;
      View view;
      std::int64_t count;
    };
    std::vector<Piece> pieces;
    const std::int64_t wanted = axis.out_dim < 0 ? 1 : view.out_shape[axis.out_dim];
    for (const Expr& part : node.parts) {
      const std::int64_t size = part.shape()[node.dim];
      const PartRange range = part_of(axis, wanted, begin, size);
      begin += size;
      if (range.count == 0) continue;
      Piece piece{&part, view, range.count};
      piece.view.in_shape = part.shape();
      piece.view.axes[node.dim].start = range.first;
      if (axis.out_dim >= 0) piece.view.out_shape[axis.out_dim] = range.count;
      pieces.push_back(std::move(piece));
    }
    if (pieces.size() == 1) return emit(*pieces.front().part, pieces.front().view);
    ops::Join join;
    const std::int64_t inner = product(view.out_shape, axis.out_dim + 1, view.out_shape.size());
    for (const Piece& piece : pieces) {
      join.parts.push_back(ProgramBuilder(compiler_, needs_).build(*piece.part, piece.view));
      join.lengths.push_back(piece.count * inner);
    }
    return add(expr.dtype(), std::move(join));
  }

  int emit_kind(const nodes::Overwrite& node, const Expr& expr, const View& view) {
    if (!view.is_identity()) return emit_buffer(compiler_.materialize(expr), expr, view);
    const int input = emit(node.base, View::identity(node.base.shape()));
    const View target = View::identity(node.region.shape()).through_slice(node.region, expr.shape());
    ProgramPtr value = ProgramBuilder(compiler_, needs_).build(node.value, View::identity(node.value.shape()));
    return add(expr.dtype(), ops::Patch{input, std::move(value), strided(target)});
  }

  int emit_buffer(const BufferPlace& place, const Expr& expr, const View& view) {
    compiler_.use(place.buffer, needs_);
    const StridedMap map = strided(view);
    if (map.is_contiguous()) {
      const std::int64_t offset = place.offset + map.offset * item_size(expr.dtype());
      return add(expr.dtype(), ops::Load{BufferPlace{place.buffer, offset}});
    }
    return add(expr.dtype(), ops::Gather{place, map});
  }

  // Types below 8 bits: whole tensors and their concatenation along dimension 0 are runs of bytes.
  void emit_bytes(const Expr& expr) {
    Expr at = expr;
    while (const auto* reshaped = as<nodes::Reshape>(at)) at = reshaped->base;
    if (const auto* file = as<nodes::Source>(at)) {
      add(DType::U8, ops::Load{FilePlace{file->file, file->offset}});
      return;
    }
    if (as<nodes::Literal>(at) != nullptr) {
      add(DType::U8, ops::Load{LiteralPlace{at, 0}});
      return;
    }
    if (const auto buffer = compiler_.buffers_.find(at.get()); buffer != compiler_.buffers_.end()) {
      compiler_.use(buffer->second.buffer, needs_);
      add(DType::U8, ops::Load{buffer->second});
      return;
    }
    const auto* joined = as<nodes::Concat>(at);
    BS_CHECK(joined != nullptr && joined->dim == 0);
    ops::Join join;
    for (const Expr& part : joined->parts) {
      join.parts.push_back(ProgramBuilder(compiler_, needs_).build(part, View::identity(part.shape())));
      join.lengths.push_back(join.parts.back()->elements);
    }
    add(DType::U8, std::move(join));
  }

  Compiler& compiler_;
  std::vector<int>& needs_;
  Program* program_ = nullptr;
  const Node* root_ = nullptr;
  std::unordered_map<const Node*, std::vector<Emitted>> emitted_;
  std::set<int> looked_at_;  // numbers of passing reductions
  int read_along_ = 0;       // sources, for these alone
};

CompiledTensor Compiler::compile(const Expr& expr) {
  visits_.clear();
  if (expr.node().depth() >= kMaxDepth) materialize_deep_parts(expr);
  CompiledTensor tensor;
  tensor.program = ProgramBuilder(*this, tensor.needs).build(expr, View::identity(expr.shape()), false, true);
  return tensor;
}

void Compiler::know(const Expr& reduction, Expr value) {
  BS_CHECK(value.desc() == reduction.desc());
  kept_.push_back(reduction);
  known_.insert_or_assign(reduction.get(), std::move(value));
}

void Compiler::materialize_deep_parts(const Expr& expr) {
  std::vector<Expr> open{expr};
  std::vector<Expr> cuts;
  std::unordered_set<const Node*> seen;
  while (!open.empty()) {
    const Expr at = std::move(open.back());
    open.pop_back();
    if (at.node().depth() < kMaxDepth || !seen.insert(at.get()).second) continue;
    if (buffers_.contains(at.get())) continue;  // and what is below it
    if (is_cut(at.node())) cuts.push_back(at);
    std::ranges::move(operands(at.node()), std::back_inserter(open));
  }
  std::ranges::sort(cuts, {}, [](const Expr& cut) { return cut.node().depth(); });
  for (const Expr& cut : cuts) static_cast<void>(materialize(cut));
}

BufferPlace Compiler::materialize(const Expr& expr) {
  if (const auto known = buffers_.find(expr.get()); known != buffers_.end()) return known->second;
  const ScopedValue maker(maker_, maker_of(expr));
  if (const auto* factors = as<nodes::SingularFactors>(expr)) return factorise(expr, *factors);
  if (const auto* reduction = as<nodes::Reduce>(expr)) return reduce(expr, *reduction);
  Materialization result;
  result.desc = expr.desc();
  result.bytes = byte_count(expr.dtype(), expr.shape());
  if (const auto* matmul = as<nodes::Matmul>(expr)) {
    Place a = packed_operand(matmul->a, result.needs);
    Place b = packed_operand(matmul->b, result.needs);
    result.how = Materialization::Matmul{std::move(a), std::move(b), matmul->a.desc(), matmul->b.desc()};
    const DenseCost cost = product_cost(matmul->a.desc(), matmul->b.desc(), result.desc.shape);
    result.needs_libtorch = cost.needs_libtorch;
    result.work_bytes = cost.work_bytes;
  } else if (const auto* random = as<nodes::Random>(expr); random != nullptr && !random->key) {
    result.how = *random;
  } else {
    result.how = ProgramBuilder(*this, result.needs).build(expr, View::identity(expr.shape()), true);
  }
  return keep(expr, {add(std::move(result)), 0});
}

// Steps that ask for the same values of the same matrix made nodes of their own; they get one decomposition.
BufferPlace Compiler::factorise(const Expr& expr, const nodes::SingularFactors& node) {
  const std::tuple key(node.base.get(), node.count, node.exact);
  if (const auto known = factorisations_.find(key); known != factorisations_.end())
    return keep(expr, {known->second, 0});
  Materialization result;
  result.desc = expr.desc();
  result.bytes = byte_count(expr.dtype(), expr.shape());
  const Expr matrix = node.base.dtype() == DType::F64 ? node.base : cast(node.base, DType::F32);
  Place place = packed_operand(matrix, result.needs);
  result.how = Materialization::SingularFactors{std::move(place), matrix.desc(), node.exact};
  const DenseCost cost = factors_cost(matrix.desc(), node.count, node.exact);
  result.needs_libtorch = cost.needs_libtorch;
  result.work_bytes = cost.work_bytes;
  const int buffer = add(std::move(result));
  factorisations_.emplace(key, buffer);
  return keep(expr, {buffer, 0});
}

ProgramPtr Compiler::build(const Expr& expr, const View& view, std::vector<int>& needs) {
  return ProgramBuilder(*this, needs).build(expr, view);
}

int Compiler::add(Materialization result) {
  result.maker = maker_;
  materializations_.push_back(std::move(result));
  return static_cast<int>(materializations_.size()) - 1;
}

BufferPlace Compiler::keep(const Expr& expr, BufferPlace place) {
  buffers_.emplace(expr.get(), place);
  kept_.push_back(expr);
  return place;
}

// Everything from the first to the last element of a strided source, packed.
Expr Compiler::stretch_of(const Expr& expr) {
  Expr& stretch = stretches_[expr.get()];
  if (!stretch) {
    const auto& node = *as<nodes::Source>(expr);
    stretch = source(node.file, node.offset, {expr.dtype(), {strided_extent(expr.shape(), node.strides)}});
    kept_.push_back(expr);
  }
  return stretch;
}

Place Compiler::packed_operand(const Expr& expr, std::vector<int>& needs) {
  if (const auto* file = as<nodes::Source>(expr);
      file != nullptr && file->strides.empty() && is_mapped(*file, expr.dtype())) {
    return FilePlace{file->file, file->offset};
  }
  const BufferPlace place = materialize(expr);
  use(place.buffer, needs);
  return place;
}

// Rows that are read one by one: of a file, if one is worth a call of the system.
Place Compiler::row_operand(const Expr& expr, std::int64_t row_elements, std::vector<int>& needs) {
  constexpr std::int64_t kLeastRowBytes = 1024;
  const auto* file = as<nodes::Source>(expr);
  if (file != nullptr && file->strides.empty() && file->file->access() == FileAccess::mapped &&
      row_elements * item_size(expr.dtype()) >= kLeastRowBytes) {
    require_readable(*file->file);
    return FilePlace{file->file, file->offset};
  }
  const BufferPlace place = materialize(expr);
  use(place.buffer, needs);
  return place;
}

void Compiler::use(int buffer, std::vector<int>& needs) {
  if (std::ranges::find(needs, buffer) != needs.end()) return;
  needs.push_back(buffer);
  ++materializations_[buffer].uses;
}

}  // namespace brainsurgery
