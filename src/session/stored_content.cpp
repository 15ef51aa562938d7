#include "session/stored_content.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <variant>

#include "base/interrupt.h"
#include "brainsurgery/error.h"
#include "graph/visitor.h"

namespace brainsurgery {
namespace {

// PyTorch's storages have one element type.
using GroupKey = std::tuple<const ReadableFile*, std::int64_t, DType>;

struct Group {
  std::int64_t begin = 0, end = 0;  // bytes of the file
  int members = 0;
  std::size_t content = 0;
};

// The source of a name that may share; nullptr for names that stand alone.
const nodes::Source* shared_source(const NamedTensor& tensor) {
  if (!tensor.storage || info(tensor.expr.dtype()).bits % 8 != 0 || element_count(tensor.expr.shape()) == 0)
    return nullptr;
  return as<nodes::Source>(tensor.expr);
}

GroupKey key_of(const NamedTensor& tensor) {
  return {tensor.storage->file, tensor.storage->begin, tensor.expr.dtype()};
}

std::int64_t end_of(const NamedTensor& tensor, const nodes::Source& node) {
  const std::int64_t elements =
      node.strides.empty() ? element_count(tensor.expr.shape()) : strided_extent(tensor.expr.shape(), node.strides);
  return node.offset + elements * item_size(tensor.expr.dtype());
}

std::map<GroupKey, Group> find_groups(std::span<const NamedTensors::value_type> tensors) {
  std::map<GroupKey, Group> groups;
  for (const auto& [name, tensor] : tensors) {
    const nodes::Source* node = shared_source(*tensor);
    if (node == nullptr) continue;
    Group& group = groups[key_of(*tensor)];
    const std::int64_t end = end_of(*tensor, *node);
    group.begin = group.members == 0 ? node->offset : std::min(group.begin, node->offset);
    group.end = std::max(group.end, end);
    ++group.members;
  }
  std::erase_if(groups, [](const auto& entry) { return entry.second.members < 2; });
  return groups;
}

}  // namespace

Metadata drop_tied(StateDict& names) {
  using TiedView = std::tuple<GroupKey, std::int64_t, Shape, std::vector<std::int64_t>>;
  std::map<TiedView, std::string_view> kept;
  Metadata dropped;
  for (const auto& [name, tensor] : names.names()) {
    const nodes::Source* node = shared_source(tensor);
    if (node == nullptr) continue;
    const auto [at, is_first] =
        kept.emplace(TiedView(key_of(tensor), node->offset, tensor.expr.shape(), node->strides), name);
    if (!is_first) dropped.emplace_back(name, at->second);
  }
  for (const auto& [name, other] : dropped) names.erase(name);
  return dropped;
}

StoredContent store(std::span<const NamedTensors::value_type> tensors, const Format& format) {
  std::map<GroupKey, Group> groups = format.shares_contents ? find_groups(tensors) : std::map<GroupKey, Group>();
  StoredContent stored;
  stored.tensors.reserve(tensors.size());
  stored.contents.reserve(tensors.size());
  stored.content_bytes.reserve(tensors.size());
  const auto add_content = [&stored](Expr expr) {
    stored.content_bytes.push_back(byte_count(expr.dtype(), expr.shape()));
    stored.contents.push_back(std::move(expr));
    return stored.contents.size() - 1;
  };
  for (const auto& [name, tensor] : tensors) {
    StoredTensor entry{name, tensor->expr.desc()};
    const nodes::Source* node = groups.empty() ? nullptr : shared_source(*tensor);
    const auto group = node == nullptr ? groups.end() : groups.find(key_of(*tensor));
    if (group == groups.end()) {
      const auto blocks = format.keeps_blocks ? stored_blocks(tensor->expr) : std::nullopt;
      if (blocks) entry.blocks = blocks->type;
      if (!blocks) stored.decoded.add(tensor->expr);
      entry.content = add_content(blocks ? blocks->bytes : tensor->expr);
    } else {
      Group& run = group->second;
      if (run.members > 0) {
        run.content = add_content(source(node->file, run.begin, {DType::U8, {run.end - run.begin}}));
        run.members = 0;
      }
      entry.content = run.content;
      entry.offset = (node->offset - run.begin) / item_size(entry.desc.dtype);
      entry.strides = node->strides;
    }
    stored.tensors.push_back(std::move(entry));
  }
  return stored;
}

std::vector<std::string> store_objects(const CheckpointExtras& extras, StoredContent& stored) {
  std::vector<std::string> warnings;
  std::set<std::string_view> names;
  for (const StoredTensor& tensor : stored.tensors) names.insert(tensor.name);
  for (const StoredObject& object : extras.objects) {
    if (names.contains(object.name)) {
      warnings.push_back("the non-tensor entry '" + object.name + "' is not kept: a tensor has its name");
      continue;
    }
    stored.objects.push_back({object.name, stored.contents.size()});
    stored.contents.push_back(source(object.file, object.offset, {DType::U8, {object.size}}));
    stored.content_bytes.push_back(object.size);
  }
  return warnings;
}

std::vector<std::optional<ContentOrigin>> origins_of(const std::vector<Expr>& contents) {
  std::vector<std::optional<ContentOrigin>> origins;
  for (const Expr& content : contents) {
    throw_if_interrupted();
    PhysicalPlan alone({});
    alone.add_tensor(content);
    const auto* copy =
        alone.segments().size() != 1 ? nullptr : std::get_if<Segment::Copy>(&alone.segments().front().content);
    origins.push_back(copy == nullptr ? std::nullopt
                                      : std::optional(ContentOrigin{copy->from.file.get(), copy->from.offset}));
  }
  return origins;
}

std::unique_ptr<PhysicalPlan> physical_plan(FileLayout layout, const std::vector<Expr>& contents,
                                            std::shared_ptr<Compiler> compiler) {
  auto plan = std::make_unique<PhysicalPlan>(PhysicalPlan::with_compiler(std::move(compiler)));
  const std::int64_t size = layout.size();
  std::vector<FileLayout::Piece> pieces = std::move(layout).pieces();
  plan->reserve(pieces.size());
  for (FileLayout::Piece& piece : pieces) {
    throw_if_interrupted();
    if (auto* given = std::get_if<FileLayout::Given>(&piece.what)) {
      plan->add_bytes(std::move(given->bytes));
    } else if (const auto* content = std::get_if<FileLayout::Content>(&piece.what)) {
      plan->add_tensor(contents[content->number]);
    } else {
      const auto [first, count] = std::get<FileLayout::Checksum>(piece.what);
      const FileLayout::Piece& last = pieces[first + count - 1];
      plan->add_checksum(pieces[first].offset, last.offset + last.size);
    }
  }
  BS_CHECK(plan->size() == size);
  return plan;
}

}  // namespace brainsurgery
