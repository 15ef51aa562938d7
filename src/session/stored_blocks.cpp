#include "session/stored_blocks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "graph/visitor.h"

namespace brainsurgery {
namespace {

constexpr int kMaxDepth = 256;  // of what is rewritten

// The tensor that a step changed or moved to make this one; empty for one that is new, and for a cast.
Expr changed_from(const Expr& expr) {
  if (const auto* node = as<nodes::Slice>(expr)) return node->base;
  if (const auto* node = as<nodes::Permute>(expr)) return node->base;
  if (const auto* node = as<nodes::Reshape>(expr)) return node->base;
  if (const auto* node = as<nodes::Broadcast>(expr)) return node->base;
  if (const auto* node = as<nodes::Overwrite>(expr)) return node->base;
  if (const auto* node = as<nodes::Map>(expr)) return node->operation->name == "cast" ? Expr() : node->parts.front();
  if (const auto* node = as<nodes::Concat>(expr)) return node->parts.front();
  return {};
}

// The blocks that a tensor comes from; nullptr: none.
const BlockCode* blocks_behind(Expr expr) {
  while (expr) {
    if (const auto* node = as<nodes::Source>(expr)) return node->file->blocks();
    expr = changed_from(expr);
  }
  return nullptr;
}

// Makes the same expression of the bytes of blocks: a row of elements becomes a row of bytes, wherever a step moves
// whole blocks.
class BlockRewriter {
 public:
  explicit BlockRewriter(const BlockCode& code, DType dtype)
      : code_(code), block_elements_(code.decoded_bytes / item_size(dtype)) {}

  // Empty where that cannot be done.
  Expr rewrite(const Expr& expr) {
    const Shape& shape = expr.shape();
    if (shape.empty() || shape.back() % block_elements_ != 0) return {};
    const auto [known, is_new] = rewritten_.try_emplace(expr.get());
    if (!is_new) return known->second;
    Expr result = std::visit([&](const auto& kind) { return of(kind, expr); }, expr.node().kind());
    rewritten_[expr.get()] = result;
    return result;
  }

 private:
  [[nodiscard]] std::int64_t bytes_of(std::int64_t elements) const {
    return elements / block_elements_ * code_.block_bytes;
  }
  [[nodiscard]] Shape byte_shape(Shape shape) const {
    shape.back() = bytes_of(shape.back());
    return shape;
  }
  [[nodiscard]] std::optional<Region> byte_region(Region region) const {
    Region::Axis& last = region.axes.back();
    if (last.dropped || last.step != 1 || last.start % block_elements_ != 0 || last.count % block_elements_ != 0)
      return std::nullopt;
    last.start = bytes_of(last.start);
    last.count = bytes_of(last.count);
    return region;
  }

  Expr of(const nodes::Source& node, const Expr& expr) {
    const BlockCode* code = node.file->blocks();
    if (code == nullptr || code->type != code_.type || !node.strides.empty()) return {};
    if (node.offset % code->decoded_bytes != 0) return {};
    const std::int64_t begin = node.offset / code->decoded_bytes * code->block_bytes;
    return source(code->file, code->offset + begin, {DType::U8, byte_shape(expr.shape())});
  }
  Expr of(const nodes::Slice& node, const Expr&) {
    const Expr base = rewrite(node.base);
    const std::optional<Region> region = base ? byte_region(node.region) : std::nullopt;
    return region ? slice(base, *region) : Expr();
  }
  Expr of(const nodes::Permute& node, const Expr&) {
    std::vector<int> order = node.order;
    Expr from = node.base;
    while (const auto* before = as<nodes::Permute>(from)) {  // one may undo the other
      for (int& dim : order) dim = before->order[static_cast<std::size_t>(dim)];
      from = Expr(before->base);
    }
    if (!std::cmp_equal(order.back(), order.size() - 1)) return {};
    const Expr base = rewrite(from);
    return base ? permute(base, std::move(order)) : Expr();
  }
  Expr of(const nodes::Reshape& node, const Expr& expr) {
    const Expr base = rewrite(node.base);
    return base ? reshape(base, byte_shape(expr.shape())) : Expr();
  }
  Expr of(const nodes::Concat& node, const Expr&) {
    std::vector<Expr> parts;
    for (const Expr& part : node.parts) {
      parts.push_back(rewrite(part));
      if (!parts.back()) return {};
    }
    return concat(std::move(parts), node.dim);
  }
  Expr of(const nodes::Overwrite& node, const Expr&) {
    const Expr base = rewrite(node.base), value = rewrite(node.value);
    const std::optional<Region> region = base && value ? byte_region(node.region) : std::nullopt;
    return region ? overwrite(base, *region, value) : Expr();
  }
  template <typename Kind>
  Expr of(const Kind&, const Expr&) {
    return {};
  }

  const BlockCode& code_;
  std::int64_t block_elements_;
  std::unordered_map<const Node*, Expr> rewritten_;
};

}  // namespace

std::optional<StoredBlocks> stored_blocks(const Expr& expr) {
  const BlockCode* code = blocks_behind(expr);
  if (code == nullptr || expr.node().depth() > kMaxDepth) return std::nullopt;
  Expr bytes = BlockRewriter(*code, expr.dtype()).rewrite(expr);
  if (!bytes || element_count(bytes.shape()) == 0) return std::nullopt;
  return StoredBlocks{code->type, std::move(bytes)};
}

void DecodedTensors::add(const Expr& expr) {
  if (const BlockCode* code = blocks_behind(expr)) ++counts_[{code->type, expr.dtype()}];
}

DecodedTensors& DecodedTensors::operator+=(const DecodedTensors& other) {
  for (const auto& [change, count] : other.counts_) counts_[change] += count;
  return *this;
}

std::string DecodedTensors::text(std::string_view which) const {
  std::int64_t total = 0;
  std::vector<std::string> changes;
  for (const auto& [change, count] : counts_) {
    total += count;
    changes.push_back(fmt::format("{} from {} to {}", count, change.first, to_string(change.second)));
  }
  return fmt::format("decoded {}{}: {}", counted(total, "quantised tensor"), which, fmt::join(changes, ", "));
}

}  // namespace brainsurgery
