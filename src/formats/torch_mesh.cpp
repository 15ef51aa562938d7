#include "formats/torch_mesh.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/checked_math.h"

namespace brainsurgery {

namespace {

// Nothing where it is not a short tuple or list of them.
Shape few_integers(const PickleTree& tree, PickleRef ref) {
  Shape result;
  const std::span<const PickleRef> items = tree[ref].items();
  if (items.size() > kMaxPickleFields) return {};
  for (const PickleRef item : items) {
    if (tree[item].kind != PickleNode::Kind::integer || tree[item].integer < 0) return {};
    result.push_back(tree[item].integer);
  }
  return result;
}

// The attribute is a tensor of ranks in older versions, a layout of axes in newer ones.
Shape mesh_sizes(const PickleTree& tree, const PickleNode& mesh) {
  if (const auto ranks = tree.field(mesh, "mesh"); ranks && tree.callee(*ranks) == "torch._utils._rebuild_tensor_v2") {
    const std::span<const PickleRef> arguments = tree.arguments(*ranks);  // storage, offset, sizes, ...
    return arguments.size() > 2 ? few_integers(tree, arguments[2]) : Shape();
  }
  const auto layout = tree.field(mesh, "_layout");
  if (!layout) return {};
  if (const auto shape = tree.field(tree.state(*layout), "shape")) return few_integers(tree, *shape);
  const auto axes = tree.field(tree.state(*layout), "axes");
  if (!axes || tree[*axes].items().size() > kMaxPickleFields) return {};
  Shape sizes;
  for (const PickleRef axis : tree[*axes].items()) {
    const auto shape = tree.field(tree.state(axis), "shape");
    const Shape parts = shape ? few_integers(tree, *shape) : Shape();
    if (parts.size() != 1) return {};
    sizes.push_back(parts.front());
  }
  return sizes;
}

// The dimension that an axis cuts.
std::int64_t sharded_dimension(const PickleTree& tree, PickleRef placement) {
  const std::string_view name = tree.callee(placement);
  if (name.ends_with(".Replicate")) return MeshPlace::kReplicated;
  if (!name.ends_with(".Shard")) return MeshPlace::kPartial;
  const auto field = tree.field(tree.state(placement), "dim");
  const std::span<const PickleRef> given = tree.arguments(placement);
  if (!field && given.empty()) return MeshPlace::kPartial;
  const PickleNode& number = tree[field ? *field : given[0]];
  return number.kind == PickleNode::Kind::integer && number.integer >= 0 ? number.integer : MeshPlace::kPartial;
}

}  // namespace

bool MeshPlace::is_partial() const { return std::ranges::find(sharded, kPartial) != sharded.end(); }

std::optional<Shape> MeshPlace::starts_of(const Shape& whole, const Shape& part) const {
  if (sizes.size() != sharded.size() || coordinate.size() != sharded.size())
    return std::nullopt;
  Shape starts(whole.size(), 0), left = whole;
  for (std::size_t axis = 0; axis < sharded.size(); ++axis) {
    const std::int64_t dim = sharded[axis], count = sizes[axis], number = coordinate[axis];
    if (dim == kReplicated) continue;
    if (dim == kPartial || std::cmp_greater_equal(dim, whole.size()) || count == 0 || number >= count)
      return std::nullopt;
    std::int64_t& size = left[static_cast<std::size_t>(dim)];
    const std::int64_t chunk = size / count + (size % count == 0 ? 0 : 1);
    const std::int64_t begin = try_multiply(chunk, number).value_or(size);
    starts[static_cast<std::size_t>(dim)] += std::min(begin, size);
    size = std::min(chunk, size - std::min(begin, size));
  }
  return left == part ? std::optional(starts) : std::nullopt;
}

std::optional<MeshPlace> mesh_place(const PickleTree& tree, const PickleNode& spec) {
  const auto placements = tree.field(spec, "placements"), mesh = tree.field(spec, "mesh");
  if (!placements) return std::nullopt;
  const std::span<const PickleRef> places = tree[*placements].items();
  if (places.empty() || places.size() > kMaxPickleFields) return std::nullopt;
  MeshPlace result;
  for (const PickleRef place : places) result.sharded.push_back(sharded_dimension(tree, place));
  if (!mesh) return result;
  const PickleNode& state = tree.state(*mesh);
  result.sizes = mesh_sizes(tree, state);
  if (const auto coordinate = tree.field(state, "_coordinate_on_dim")) result.coordinate = few_integers(tree, *coordinate);
  return result;
}

}  // namespace brainsurgery
