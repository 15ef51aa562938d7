#include "planner/physical_plan.h"

#include <algorithm>

#include "graph/visitor.h"

namespace brainsurgery {
namespace {

// Concatenations along an outermost dimension are written part by part; nested ones down to this depth.
constexpr int kMaxNesting = 64;

bool parts_are_consecutive(const nodes::Concat& node) {
  const Shape& shape = node.parts.front().shape();
  return std::all_of(shape.begin(), shape.begin() + node.dim, [](std::int64_t size) { return size == 1; });
}

}  // namespace

void PhysicalPlan::add_bytes(std::string bytes) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  segments_.push_back({size_, size, Segment::Bytes{std::move(bytes)}});
  size_ += size;
}

void PhysicalPlan::add_tensor(const Expr& expr) { add_part(expr, 0); }

void PhysicalPlan::add_checksum(std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kBytes = 4;
  segments_.push_back({size_, kBytes, Segment::Checksum{begin, end}});
  size_ += kBytes;
  has_checksums_ = true;
}

void PhysicalPlan::add_part(Expr expr, int nesting) {
  while (const auto* reshaped = as<nodes::Reshape>(expr)) expr = Expr(reshaped->base);  // the same bytes
  const auto* joined = as<nodes::Concat>(expr);
  if (joined != nullptr && nesting < kMaxNesting && parts_are_consecutive(*joined)) {
    for (const Expr& part : joined->parts) add_part(part, nesting + 1);
    return;
  }
  const std::int64_t size = byte_count(expr.dtype(), expr.shape());
  if (size == 0) return;
  const auto* stored = as<nodes::Source>(expr);
  if (stored != nullptr && stored->strides.empty() && !stored->file->decodes())
    return add_copy({stored->file, stored->offset}, size);
  CompiledTensor tensor = compiler_->compile(expr);
  if (const FilePlace* place = tensor.program->verbatim(); place != nullptr && !place->file->decodes())
    return add_copy(*place, size);
  bytes_computed_ += size;
  segments_.push_back({size_, size, std::move(tensor)});
  size_ += size;
}

void PhysicalPlan::add_copy(FilePlace from, std::int64_t size) {
  bytes_copied_ += size;
  auto* before = segments_.empty() ? nullptr : std::get_if<Segment::Copy>(&segments_.back().content);
  if (before != nullptr && before->from.file == from.file &&
      before->from.offset + segments_.back().size == from.offset) {
    segments_.back().size += size;
  } else {
    segments_.push_back({size_, size, Segment::Copy{std::move(from)}});
  }
  size_ += size;
}

}  // namespace brainsurgery
