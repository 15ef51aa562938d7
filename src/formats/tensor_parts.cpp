#include "formats/tensor_parts.h"

#include <algorithm>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/json_cursor.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

std::vector<std::int64_t> read_offsets(JsonCursor& json, const std::string& name) {
  std::vector<std::int64_t> offsets;
  if (json.peek() != JsonCursor::Kind::array) json.fail("the offsets of " + in_quotes(name) + " are not a list");
  json.enter_array();
  while (json.next_element()) {
    const auto offset = json.peek() == JsonCursor::Kind::number ? json.unsigned_integer() : std::nullopt;
    if (!offset || *offset > INT64_MAX) json.fail("an offset of " + in_quotes(name) + " is not an integer");
    if (offsets.size() == kMaxRank) json.fail(in_quotes(name) + " has too many dimensions");
    offsets.push_back(static_cast<std::int64_t>(*offset));
  }
  return offsets;
}

bool same_place(const TensorPart& a, const TensorPart& b) {
  return a.starts == b.starts && a.tensor.desc.shape == b.tensor.desc.shape;
}

}  // namespace

PartOffsets parse_part_offsets(std::string_view text, std::string context) {
  JsonCursor json(text, std::move(context));
  PartOffsets result;
  if (json.peek() != JsonCursor::Kind::object) json.fail("it is not an object");
  json.enter_object();
  while (const auto key = json.next_key()) {
    const std::string name(*key);
    if (json.peek() != JsonCursor::Kind::object) json.fail("the value of " + in_quotes(name) + " is not an object");
    json.enter_object();
    std::optional<std::vector<std::int64_t>> offsets;
    while (const auto field = json.next_key()) {
      if (*field == "saved_offsets") {
        offsets = read_offsets(json, name);
      } else {
        json.skip_value();
      }
    }
    if (!offsets) json.fail(in_quotes(name) + " has no saved_offsets");
    result.insert_or_assign(name, *std::move(offsets));
  }
  json.finish();
  return result;
}

std::string part_offsets_text(const PartOffsets& offsets) {
  std::string text = "{";
  for (const auto& [name, starts] : offsets) {
    if (text.size() > 1) text += ", ";
    append_json_string(text, name, JsonEscapes::ascii);
    text += ": {\"saved_offsets\": " + to_string(starts) + "}";
  }
  return text + "}";
}

void erase_part_pairs(Metadata& metadata) {
  std::erase_if(metadata, [](const auto& pair) { return pair.first == kPartOffsets || pair.first == kPartVersion; });
}

JoinedTensor join_parts(std::vector<TensorPart> parts, const std::string& context) {
  const TensorEntry& first = parts.front().tensor;
  const std::string name = first.name;
  const auto fail = [&](const std::string& reason) { throw Error(ErrorCode::run, context + ": " + reason); };
  const DTypeInfo& dtype = info(first.desc.dtype);
  if (parts.size() > kMaxParts) fail(in_quotes(name) + " has more than " + std::to_string(kMaxParts) + " parts");
  std::vector<TensorPart> distinct;
  Shape shape(first.desc.shape.size(), 0);
  for (TensorPart& part : parts) {
    const Shape& sizes = part.tensor.desc.shape;
    if (part.tensor.desc.dtype != first.desc.dtype) fail("the parts of " + in_quotes(name) + " differ in dtype");
    if (sizes.size() != shape.size() || part.starts.size() != shape.size())
      fail("the parts of " + in_quotes(name) + " differ in their number of dimensions");
    for (std::size_t dim = 0; dim < shape.size(); ++dim)
      shape[dim] = std::max(shape[dim], checked_add(part.starts[dim], sizes[dim]));
    const auto same = std::ranges::find_if(distinct, [&](const TensorPart& other) { return same_place(part, other); });
    if (same == distinct.end()) distinct.push_back(part);
  }
  static_cast<void>(byte_count(first.desc.dtype, shape));  // throws where it overflows
  std::vector<TensorBox> boxes;
  for (const TensorPart& part : distinct)
    boxes.push_back({part.tensor.file, part.tensor.offset, part.starts, part.tensor.desc.shape});
  if (const std::string mistake = cover_mistake(name, boxes, shape); !mistake.empty()) fail(mistake);
  const bool is_repeated = distinct.size() < parts.size();
  if (boxes.size() == 1) return {std::move(distinct.front().tensor), is_repeated};
  if (dtype.bits % 8 != 0) fail(in_quotes(name) + " is of " + std::string(dtype.name) + ", which has no parts");
  if (!std::ranges::all_of(distinct, [](const TensorPart& part) { return part.tensor.strides.empty(); }))
    fail("a part of " + in_quotes(name) + " is not packed");
  TensorEntry whole{name, {first.desc.dtype, shape}, nullptr};
  whole.file = assembled(std::move(boxes), shape, item_size(first.desc.dtype));
  return {std::move(whole), is_repeated};
}

std::string cover_mistake(const std::string& name, const std::vector<TensorBox>& boxes, const Shape& shape) {
  std::int64_t covered = 0;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const TensorBox& box = boxes[i];
    for (std::size_t dim = 0; dim < shape.size(); ++dim) {
      if (box.sizes[dim] > shape[dim] || box.starts[dim] > shape[dim] - box.sizes[dim])
        return "a part of " + in_quotes(name) + " lies outside of it";
    }
    const std::int64_t elements = element_count(box.sizes);
    covered = checked_add(covered, elements);
    for (std::size_t j = 0; j < i && elements > 0; ++j) {
      bool apart = element_count(boxes[j].sizes) == 0;
      for (std::size_t dim = 0; dim < shape.size(); ++dim) {
        apart = apart || boxes[j].starts[dim] + boxes[j].sizes[dim] <= box.starts[dim] ||
                box.starts[dim] + box.sizes[dim] <= boxes[j].starts[dim];
      }
      if (!apart) return "two parts of " + in_quotes(name) + " overlap";
    }
  }
  return covered == element_count(shape) ? "" : "parts of " + in_quotes(name) + " are missing";
}

}  // namespace brainsurgery
