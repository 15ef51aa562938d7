#include "describe/tensor_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/numbers.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// A tensor without elements is a list of empty lists; of so many at most, the number comes from a header that may be
// hostile.
constexpr std::int64_t kMostEmptyLists = 1 << 20;

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return python_float(value);
}

template <typename T>
T element(const std::byte* packed, std::int64_t index) {
  T value;
  std::memcpy(&value, packed + index * static_cast<std::int64_t>(sizeof value), sizeof value);
  return value;
}

std::string element_text(ValueSyntax syntax, DType dtype, const std::byte* packed, std::int64_t index) {
  const bool is_json = syntax == ValueSyntax::json;
  switch (dtype) {
    case DType::BOOL:
      if (packed[index] != std::byte{0}) return is_json ? "true" : "True";
      return is_json ? "false" : "False";
    case DType::I64:
      return std::to_string(element<std::int64_t>(packed, index));
    case DType::U64:
      return std::to_string(element<std::uint64_t>(packed, index));
    default: {
      BS_CHECK(dtype == DType::F64);
      const double value = element<double>(packed, index);
      return is_json ? json_number(value) : python_float(value);
    }
  }
}

// Rows of `shape`, its elements given by `append_element(index)`. Without recursion: a tensor may have any number of
// dimensions.
template <typename AppendElement>
void append_nested(std::string& to, std::span<const std::int64_t> shape, std::string_view separator,
                   AppendElement append_element) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i > 0) to += separator;
    // A list opens where all inner indices are 0 and closes where they are at their ends.
    std::int64_t inner = 1;
    for (auto size = shape.rbegin(); size != shape.rend() && i % (inner *= *size) == 0; ++size) to += '[';
    append_element(i);
    inner = 1;
    for (auto size = shape.rbegin(); size != shape.rend() && (i + 1) % (inner *= *size) == 0; ++size) to += ']';
  }
}

std::string json_list(const Shape& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? "," : "") + std::to_string(size);
  return text + "]";
}

std::string dtype_text(const DumpedTensor& tensor) {
  return tensor.unreadable.empty() ? report_dtype(tensor.desc.dtype) : tensor.unreadable;
}

}  // namespace

std::optional<DType> text_dtype(DType dtype) {
  const DTypeInfo& row = info(dtype);
  if (!row.computes) return std::nullopt;
  switch (row.kind) {
    case DTypeClass::boolean:
      return DType::BOOL;
    case DTypeClass::signed_integer:
      return DType::I64;
    case DTypeClass::unsigned_integer:
      return DType::U64;
    default:
      return DType::F64;
  }
}

std::string no_values(ValueSyntax syntax) { return syntax == ValueSyntax::json ? "null" : "None"; }

std::string values_text(ValueSyntax syntax, DType dtype, const Shape& shape, std::span<const std::byte> packed) {
  BS_CHECK(std::ssize(packed) == byte_count(dtype, shape));
  const std::string_view separator = syntax == ValueSyntax::json ? "," : ", ";
  std::span<const std::int64_t> filled(shape);  // the dimensions before the first of size 0
  while (std::ranges::find(filled, 0) != filled.end()) filled = filled.first(filled.size() - 1);
  std::string text;
  if (filled.size() == shape.size()) {
    append_nested(text, filled, separator,
                  [&](std::int64_t i) { text += element_text(syntax, dtype, packed.data(), i); });
    return text;
  }
  std::int64_t lists = 1;
  for (const std::int64_t size : filled) {
    if (size > kMostEmptyLists / lists) return "[]";
    lists *= size;
  }
  append_nested(text, filled, separator, [&](std::int64_t) { text += "[]"; });
  return text;
}

std::string short_number(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  return fmt::format("{:.6g}", value);
}

std::string report_dtype(DType dtype) {
  const DTypeInfo& row = info(dtype);
  return row.torch_name.empty() ? std::string(row.name) : fmt::format("torch.{}", row.torch_name);
}

std::string tensor_text(const DumpedTensor& tensor) {
  if (!tensor.stored_type.empty()) return tensor.stored_type + " " + to_string(tensor.desc.shape);
  std::string text = "shape=" + to_string(tensor.desc.shape);
  if (!tensor.unreadable.empty()) text += fmt::format(" ({})", tensor.unreadable);
  if (tensor.verbosity == Verbosity::shape) return text;
  if (tensor.verbosity == Verbosity::stat) {
    const auto number = [](std::optional<double> value) { return value ? short_number(*value) : "None"; };
    const auto& [min, max, mean] = tensor.statistics;
    text += fmt::format(" min={} max={} mean={}", number(min), number(max), number(mean));
  } else {
    text += fmt::format(" dtype={} device=cpu values={}", dtype_text(tensor), tensor.values);
  }
  return text + fmt::format(" reads={} writes={}", tensor.counts.reads, tensor.counts.writes);
}

JsonMembers tensor_json(const DumpedTensor& tensor) {
  const std::string shape = json_list(tensor.desc.shape);
  const std::string reads = std::to_string(tensor.counts.reads);
  const std::string writes = std::to_string(tensor.counts.writes);
  if (!tensor.stored_type.empty()) return {{"dtype", '"' + tensor.stored_type + '"'}, {"shape", shape}};
  if (tensor.verbosity == Verbosity::shape) return {{"shape", shape}};
  if (tensor.verbosity == Verbosity::stat) {
    const auto number = [](std::optional<double> value) { return value ? json_number(*value) : "null"; };
    const auto& [min, max, mean] = tensor.statistics;
    return {{"max", number(max)}, {"mean", number(mean)}, {"min", number(min)},
            {"reads", reads},     {"shape", shape},       {"writes", writes}};
  }
  return {{"device", "\"cpu\""},     {"dtype", '"' + dtype_text(tensor) + '"'},
          {"reads", reads},          {"shape", shape},
          {"values", tensor.values}, {"writes", writes}};
}

}  // namespace brainsurgery
