#include "session/tensor_value.h"

#include <algorithm>
#include <cstring>

#include "graph/conditions.h"

namespace brainsurgery {
namespace {

template <typename T>
std::vector<Number> unpacked(const std::vector<std::byte>& bytes) {
  std::vector<Number> numbers;
  numbers.reserve(bytes.size() / sizeof(T));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    numbers.emplace_back(value);
  }
  return numbers;
}

}  // namespace

TensorInfo tensor_info(const std::string& name, const Expr& expr) {
  const bool readable = is_readable(expr);
  return {name, form_of(expr), expr.shape(), readable,
          readable ? std::optional(byte_count(expr.dtype(), expr.shape())) : std::nullopt};
}

Expr part_of(const Expr& tensor, const std::string& slice, const std::string& label) {
  if (slice.empty()) return tensor;
  require_readable(tensor, label);
  return brainsurgery::slice(tensor, select(parse_slice(slice), tensor.shape()));
}

std::vector<Number> first_values(const Expr& part, std::int64_t count, DataSource& data) {
  const std::int64_t size = element_count(part.shape());
  if (size == 0 || count <= 0) return {};
  const Expr first = slice(reshape(part, {size}), Region{{{0, std::min(size, count), 1, false}}});
  if (is_floating(part.dtype())) return unpacked<double>(data.values(cast(first, DType::F64)));
  if (part.dtype() == DType::U64) return unpacked<std::uint64_t>(data.values(first));
  return unpacked<std::int64_t>(data.values(cast(first, DType::I64)));
}

TensorValue tensor_value(const ValueQuery& query, const Expr& tensor, DataSource& data) {
  const Expr part = part_of(tensor, query.slice, query.alias + "::" + query.name);
  TensorValue value{tensor_info(query.name, part), {}, {}};
  if (!value.part.readable || !info(part.dtype()).computes) return value;
  if (query.statistics) value.statistics = statistics(data.numbers(statistics_of(part)));
  value.values = first_values(part, query.most_values, data);
  return value;
}

}  // namespace brainsurgery
