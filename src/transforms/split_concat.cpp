// split, unstack, concat, stack: one tensor into several along a dimension, and back.
#include <fmt/format.h>

#include "brainsurgery/error.h"
#include "plan/inverse_names.h"
#include "plan/yaml_tree.h"
#include "transforms/families.h"
#include "transforms/undo.h"

namespace brainsurgery {
namespace {

// How large parts are, or how many of equal size.
struct PartSizes {
  std::vector<std::int64_t> sizes;
  std::optional<std::int64_t> parts;
};

struct SplitSpec : PartSizes {
  TensorRef from;
  std::vector<TensorRef> to;
  std::int64_t dim = 0;
  bool consume = false;
};

struct UnstackSpec {
  TensorRef from;
  std::vector<TensorRef> to;
  std::int64_t dim = 0;
  bool consume = false;
};

struct JoinSpec : PartSizes {
  std::vector<TensorRef> from;
  TensorRef to;
  std::int64_t dim = 0;
  bool consume = false;
};

constexpr const char *kSplit = "split", *kUnstack = "unstack", *kConcat = "concat", *kStack = "stack";

// Counts from the end if negative.
int dim_of(std::int64_t dim, const Shape& shape, int more = 0) {
  const std::int64_t rank = std::ssize(shape) + more;
  const std::int64_t resolved = dim < 0 ? dim + rank : dim;
  if (resolved < 0 || resolved >= rank) {
    throw Error(ErrorCode::plan, fmt::format("dim {} is out of range for shape {}", dim, to_string(shape)));
  }
  return static_cast<int>(resolved);
}

// Whether there may be several results: a list of names, or one that a name in it counts.
bool names_several(const std::vector<TensorRef>& to) {
  return to.size() > 1 || to.front().text.find('$') != std::string::npos;
}

std::optional<FieldProblem> problem_of_split_concat(const SplitSpec& spec) {
  if (spec.sizes.empty() == !spec.parts)
    return FieldProblem{"", "needs either sizes or parts: how large the parts are, or how many"};
  if (!names_several(spec.to))
    return FieldProblem{"to", fmt::format("needs at least two destinations, found {}", spec.to.size())};
  if (spec.parts && *spec.parts < 1)
    return FieldProblem{"parts", fmt::format("must be positive, found {}", *spec.parts)};
  const std::size_t count = spec.parts ? static_cast<std::size_t>(*spec.parts) : spec.sizes.size();
  if (spec.to.size() > 1 && count != spec.to.size()) {
    return FieldProblem{spec.parts ? "parts" : "sizes",
                        spec.parts ? fmt::format("says {} parts for {} destinations", count, spec.to.size())
                                   : fmt::format("has {} sizes for {} destinations", count, spec.to.size())};
  }
  for (const std::int64_t size : spec.sizes) {
    if (size <= 0) return FieldProblem{"sizes", fmt::format("sizes must be positive, found {}", size)};
  }
  return std::nullopt;
}

// Part of `whole`: `count` along `dim` from `start` on; the dimension goes if it is dropped.
Expr part_of(const Expr& whole, int dim, std::int64_t start, std::int64_t count, bool dropped) {
  Region region;
  for (const std::int64_t full : whole.shape()) region.axes.push_back({0, full, 1, false});
  region.axes[dim].start = start;
  region.axes[dim].count = count;
  region.axes[dim].dropped = dropped;
  return slice(whole, std::move(region));
}

std::vector<std::int64_t> sizes_of(const PartSizes& spec, std::int64_t along, const Expr& whole) {
  const int dim = dim_of(along, whole.shape());
  const std::int64_t available = whole.shape()[dim];
  if (spec.parts) {
    if (available % *spec.parts != 0) {
      throw Error(ErrorCode::plan, fmt::format("{} parts do not divide {}, the size of dimension {} of shape {}",
                                               *spec.parts, available, dim, to_string(whole.shape())));
    }
    return std::vector<std::int64_t>(static_cast<std::size_t>(*spec.parts), available / *spec.parts);
  }
  std::int64_t rest = available;
  for (const std::int64_t size : spec.sizes) rest = size > rest ? -1 : rest - size;
  if (rest != 0) {
    throw Error(ErrorCode::plan, fmt::format("sizes [{}] do not add up to {}, the size of dimension {} of shape {}",
                                             fmt::join(spec.sizes, ", "), available, dim, to_string(whole.shape())));
  }
  return spec.sizes;
}

std::vector<Expr> split(const SplitSpec& spec, const Row& row) {
  const Expr& whole = row.one(0);
  const int dim = dim_of(spec.dim, whole.shape());
  std::vector<Expr> parts;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes_of(spec, spec.dim, whole)) {
    parts.push_back(part_of(whole, dim, start, size, false));
    start += size;
  }
  return parts;
}

std::vector<Expr> unstack(const UnstackSpec& spec, const Row& row) {
  const Expr& whole = row.one(0);
  const int dim = dim_of(spec.dim, whole.shape());
  const std::int64_t count = whole.shape()[dim];
  if (spec.to.size() > 1 && std::cmp_not_equal(count, spec.to.size())) {
    throw Error(ErrorCode::plan, fmt::format("dimension {} of shape {} has {} parts, there are {} destinations", dim,
                                             to_string(whole.shape()), count, spec.to.size()));
  }
  std::vector<Expr> parts;
  for (std::int64_t i = 0; i < count; ++i) parts.push_back(part_of(whole, dim, i, 1, true));
  return parts;
}

std::vector<Expr> members_of(const Row& row) {
  std::vector<Expr> members;
  for (const Operand& operand : row.operands[0]) members.push_back(operand.expr);
  return members;
}

// `expr` with a dimension of size 1 at `dim`.
Expr with_dimension(const Expr& expr, int dim) {
  Shape shape = expr.shape();
  shape.insert(shape.begin() + dim, 1);
  return reshape(expr, shape);
}

// What the plan says of the sizes of members has to hold.
void require_member_sizes(const JoinSpec& spec, int dim, const std::vector<Expr>& members, const Expr& whole) {
  if (spec.sizes.empty() && !spec.parts) return;
  const std::vector<std::int64_t> wanted = sizes_of(spec, dim, whole);
  if (wanted.size() != members.size())
    throw Error(ErrorCode::plan, fmt::format("{} parts are said, and {} tensors are joined", wanted.size(), members.size()));
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::int64_t size = members[i].shape()[dim];
    if (size == wanted[i]) continue;
    throw Error(ErrorCode::plan, fmt::format("tensor {} has size {} in dimension {}, said is {}", i, size, dim, wanted[i]));
  }
}

std::vector<Expr> concat_members(const JoinSpec& spec, const Row& row) {
  std::vector<Expr> members = members_of(row);
  const int dim = dim_of(spec.dim, members.front().shape());
  Expr whole = concat(members, dim);
  require_member_sizes(spec, dim, members, whole);
  return {std::move(whole)};
}

std::vector<Expr> stack_members(const JoinSpec& spec, const Row& row) {
  std::vector<Expr> members = members_of(row);
  const int dim = dim_of(spec.dim, members.front().shape(), 1);
  for (Expr& member : members) member = with_dimension(member, dim);
  return {concat(std::move(members), dim)};
}

template <typename Spec>
void add_sizes(SchemaBuilder<Spec>& schema, const char* sizes, const char* parts) {
  schema.field(static_cast<std::vector<std::int64_t> Spec::*>(&PartSizes::sizes), "sizes").doc(sizes);
  schema.field(static_cast<std::optional<std::int64_t> Spec::*>(&PartSizes::parts), "parts").doc(parts);
}

template <typename Spec>
void add_common(SchemaBuilder<Spec>& schema) {
  schema.field(&Spec::dim, "dim").defaults_to("0").doc("The dimension; negative counts from the end.");
  schema.field(&Spec::consume, "consume").defaults_to("false").doc("Whether the tensors that are read are removed.");
}

// The role of what is read: it stays, unless `consume` says that it goes.
template <typename Spec>
std::function<Role(const Spec&)> consumed(Role role) {
  return [role](const Spec& spec) {
    Role with = role;
    with.removes = spec.consume;
    return with;
  };
}

constexpr const char* kCounts =
    "A name that only one side has counts the parts: `$e` as numbers from 0, `${p:q|k|v}` by the words in their order. "
    "`over: {p: [q, k, v]}` says the values too.";

template <typename Spec>
SchemaBuilder<Spec> cutting(const char* name, Docs docs) {
  SchemaBuilder<Spec> schema(name, std::move(docs));
  schema.reference(&Spec::from, "from", consumed<Spec>(roles::cut()))
      .doc("The tensor to cut; a pattern that captures what the new names have cuts every match.");
  schema.members(&Spec::to, "to", [](const Spec&) { return roles::cuts(); })
      .doc("The new names: a list, or one name with a name in it that counts the parts.");
  return schema;
}

SchemaBuilder<JoinSpec> joining(const char* name, Docs docs) {
  SchemaBuilder<JoinSpec> schema(name, std::move(docs));
  schema.members(&JoinSpec::from, "from", consumed<JoinSpec>(roles::joined()))
      .doc(
          "The tensors to join: a list, of which the first may be a pattern and the others templates of its matches, or "
          "one pattern with a name in it that counts them.");
  schema.reference(&JoinSpec::to, "to", roles::join()).doc("The new name.");
  add_common(schema);
  return schema;
}

// The several tensors as the pattern of what joins them: one reference, or a list whose first entry leads.
YamlPtr as_members(const YamlNode& several, const YamlPtr& first) {
  if (!several.is_sequence()) return first;
  YamlItems items = several.items();
  items.front() = first;
  return YamlNode::sequence(several.span(), std::move(items));
}

const YamlNode& first_of(const YamlNode& several) {
  return several.is_sequence() && !several.items().empty() ? *several.items().front() : several;
}

// The others of a list number the groups as the first one does, which may not change that.
void require_same_groups(const WrittenStep& written, const YamlNode& several, const YamlNode& other, const YamlNode& before,
                         const YamlNode& after) {
  if (!several.is_sequence() || other.text().find('$') != std::string::npos) return;
  const bool none = before.text().find('\\') == std::string::npos && after.text().find('\\') == std::string::npos;
  if (!none) cannot_undo(written, "its list has templates of a regular expression; dotted names can be turned round");
}

// split and unstack by what joins, and the other way round. `several`: the field with several tensors.
Undo undone_by_joining(const char* step) {
  return [step](const WrittenStep& written) {
    if (!says_true(written, "consume")) cannot_undo(written, "without 'consume' it leaves what it reads: delete the parts");
    const YamlPtr whole = written_field(written, "from"), parts = written_field(written, "to");
    const NamePair names = inverse_names(*whole, first_of(*parts), CountingSide::result);
    require_same_groups(written, *parts, first_of(*parts), *whole, *names.pattern);
    return UndoingStep{step,
                       payload_of(written, {{"from", as_members(*parts, names.pattern)},
                                            {"to", names.result},
                                            {"sizes", written.payload.find_ptr("sizes")},
                                            {"parts", written.payload.find_ptr("parts")},
                                            {"dim", written.payload.find_ptr("dim")},
                                            {"consume", written.payload.find_ptr("consume")}}),
                       all_facts()};
  };
}

Undo undone_by_cutting(const char* step, bool needs_sizes) {
  return [step, needs_sizes](const WrittenStep& written) {
    if (!says_true(written, "consume")) cannot_undo(written, "without 'consume' it leaves what it reads: delete the result");
    if (needs_sizes && written.payload.find("sizes") == nullptr && written.payload.find("parts") == nullptr)
      cannot_undo(written, "nothing says how large the tensors are; 'sizes' does, or 'parts' where they are equal");
    const YamlPtr parts = written_field(written, "from"), whole = written_field(written, "to");
    const NamePair names = inverse_names(first_of(*parts), *whole, CountingSide::pattern);
    require_same_groups(written, *parts, first_of(*parts), *whole, *names.result);
    return UndoingStep{step,
                       payload_of(written, {{"from", names.pattern},
                                            {"to", as_members(*parts, names.result)},
                                            {"sizes", written.payload.find_ptr("sizes")},
                                            {"parts", written.payload.find_ptr("parts")},
                                            {"dim", written.payload.find_ptr("dim")},
                                            {"consume", written.payload.find_ptr("consume")}}),
                       all_facts()};
  };
}

}  // namespace

void add_split_concat(StepRegistry& registry) {
  auto splitting = cutting<SplitSpec>(
      kSplit, {"Cuts tensors into parts along a dimension.",
                std::string("The sizes must add up to the size of the dimension; `parts` are equal ones. ") + kCounts,
                "split: {from: h.$i.attn.c_attn.weight, to: 'h.$i.attn.${p:q|k|v}.weight', parts: 3, dim: 1}"});
  splitting.called_elsewhere({"chunk", "cut"});
  add_sizes(splitting, "The size of each part; one of sizes and parts is needed.", "The number of parts of equal size.");
  add_common(splitting);
  splitting.check(problem_of_split_concat);
  registry.add(make_edit<SplitSpec>(splitting, split, {.count_results = [](const void* spec, const Expr& from) {
                                      const auto& split_spec = *static_cast<const SplitSpec*>(spec);
                                      return split_spec.parts ? static_cast<std::size_t>(*split_spec.parts)
                                                              : sizes_of(split_spec, split_spec.dim, from).size();
                                    }})
                   .undone_by(undone_by_joining(kConcat)));

  auto unstacking = cutting<UnstackSpec>(
      kUnstack, {"Cuts tensors into the parts of a dimension, which disappears.",
                  std::string("The opposite of stack. ") + kCounts,
                  "unstack: {from: norms, to: norm.$i.weight}", "- stack: {from: h.$i.ln_1.weight, to: norms}"});
  unstacking.called_elsewhere({"unbind"});
  add_common(unstacking);
  unstacking.check([](const UnstackSpec& spec) -> std::optional<FieldProblem> {
    if (names_several(spec.to)) return std::nullopt;
    return FieldProblem{"to", fmt::format("needs at least two destinations, found {}", spec.to.size())};
  });
  registry.add(make_edit<UnstackSpec>(unstacking, unstack, {.count_results = [](const void* spec, const Expr& from) {
                                        const auto& dim = static_cast<const UnstackSpec*>(spec)->dim;
                                        return static_cast<std::size_t>(from.shape()[dim_of(dim, from.shape())]);
                                      }})
                   .undone_by(undone_by_joining(kStack)));

  auto concatenating = joining(
      kConcat, {"Joins tensors along a dimension.",
                 std::string("Dtype, rank and the sizes of the other dimensions must be equal. ") + kCounts,
                 "concat: {from: 'h.$i.${n:ln_1|ln_2}.weight', to: h.$i.norms}"});
  concatenating.called_elsewhere({"cat", "concatenate", "join"});
  add_sizes(concatenating, "What the sizes of the tensors have to be, so that split can take the step back.",
            "How many tensors of equal size there have to be.");
  concatenating.check([](const JoinSpec& spec) -> std::optional<FieldProblem> {
    if (!spec.sizes.empty() && spec.parts) return FieldProblem{"parts", "the number is that of 'sizes'; name one of the two"};
    if (spec.parts && *spec.parts < 1) return FieldProblem{"parts", fmt::format("must be positive, found {}", *spec.parts)};
    return std::nullopt;
  });
  registry.add(make_edit<JoinSpec>(concatenating, concat_members).undone_by(undone_by_cutting(kSplit, true)));

  auto stacking = joining(kStack, {"Joins tensors along a new dimension.",
                                    std::string("Dtypes and shapes must be equal. ") + kCounts,
                                    "stack: {from: h.$i.ln_1.weight, to: norms}"});
  registry.add(make_edit<JoinSpec>(stacking, stack_members).undone_by(undone_by_cutting(kUnstack, false)));
}

}  // namespace brainsurgery
