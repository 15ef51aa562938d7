#include "oracle/reference.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include "kernels/kernels.h"
#include "oracle/reference_reductions.h"

namespace brainsurgery::testing {
namespace {

at::ScalarType torch_type(DType dtype) {
  switch (dtype) {
    case DType::BOOL:
      return at::kBool;
    case DType::U8:
      return at::kByte;
    case DType::I8:
      return at::kChar;
    case DType::I16:
      return at::kShort;
    case DType::I32:
      return at::kInt;
    case DType::I64:
      return at::kLong;
    case DType::F16:
      return at::kHalf;
    case DType::BF16:
      return at::kBFloat16;
    case DType::F32:
      return at::kFloat;
    case DType::F64:
      return at::kDouble;
    default:
      throw std::logic_error("the reference has no dtype " + to_string(dtype));
  }
}

bool is_half(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16;
}

at::Tensor tensor_of(const TensorDesc& desc, std::span<const std::byte> bytes) {
  at::Tensor out = at::empty(desc.shape, torch_type(desc.dtype));
  if (!bytes.empty()) std::memcpy(out.data_ptr(), bytes.data(), bytes.size());
  return out;
}

// The part of `base` that `region` selects, as a view.
at::Tensor part_of(const at::Tensor& base, const Region& region) {
  at::Tensor part = base;
  std::int64_t dim = 0;
  for (const Region::Axis& axis : region.axes) {
    if (axis.dropped) {
      part = part.select(dim, axis.start);
      continue;
    }
    // The last element stands at start + (count - 1) * step; what is behind it is left out.
    const std::int64_t stop = axis.count == 0 ? axis.start : axis.start + (axis.count - 1) * axis.step + 1;
    part = part.slice(dim, axis.start, stop, axis.step);
    ++dim;
  }
  return part;
}

// ATen's choice between zeros of different signs depends on their place in a vector.
at::Tensor extreme(const at::Tensor& a, const at::Tensor& b, bool smaller) {
  const at::Tensor chosen = smaller ? at::minimum(a, b) : at::maximum(a, b);
  if (!at::isFloatingType(a.scalar_type())) return chosen;
  const at::Tensor of_equal = smaller ? at::where(at::signbit(a), a, b) : at::where(at::signbit(a), b, a);
  return at::where(at::eq(a, b), of_equal, chosen);
}

// A count beyond the width moves all bits out; 1.13 leaves that to the processor.
at::Tensor shifted(const at::Tensor& x, const at::Tensor& count, bool left) {
  const std::int64_t width = x.element_size() * 8;
  const bool has_sign = x.scalar_type() != at::kByte;
  const at::Tensor wide = count.to(at::kLong);
  const at::Tensor is_beyond = at::logical_or(at::lt(wide, 0), at::ge(wide, width));
  const at::Tensor safe = at::where(is_beyond, at::zeros_like(count), count);
  const at::Tensor moved_out = !left && has_sign ? at::where(at::lt(x, 0), at::full_like(x, -1), at::zeros_like(x))
                                                 : at::zeros_like(x);
  return at::where(is_beyond, moved_out, left ? at::bitwise_left_shift(x, safe) : at::bitwise_right_shift(x, safe));
}

// Correctly rounded. at::sqrt is not where libtorch comes with MKL: that one rounds some results the other way and takes
// subnormal numbers for 0. In double, the square root of a narrower element rounds to the same as the exact one.
at::Tensor square_root(const at::Tensor& x) {
  at::Tensor roots = x.to(at::kDouble).contiguous().clone();
  double* values = roots.data_ptr<double>();
  std::transform(values, values + roots.numel(), values, [](double value) { return std::sqrt(value); });
  return roots.to(x.scalar_type());
}

// ATen's functions for the operations of the table that have no parameters.
at::Tensor elementwise(std::string_view name, const std::vector<at::Tensor>& x) {
  using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;
  static const std::map<std::string_view, Function> functions{
      {"add", [](const auto& v) { return at::add(v[0], v[1]); }},
      {"subtract", [](const auto& v) { return at::sub(v[0], v[1]); }},
      {"multiply", [](const auto& v) { return at::mul(v[0], v[1]); }},
      {"divide", [](const auto& v) { return at::div(v[0], v[1]); }},
      {"floor_divide", [](const auto& v) { return at::div(v[0], v[1], "floor"); }},
      {"remainder", [](const auto& v) { return at::remainder(v[0], v[1]); }},
      {"minimum", [](const auto& v) { return extreme(v[0], v[1], true); }},
      {"maximum", [](const auto& v) { return extreme(v[0], v[1], false); }},
      {"negate", [](const auto& v) { return at::neg(v[0]); }},
      {"abs", [](const auto& v) { return at::abs(v[0]); }},
      {"sign", [](const auto& v) { return at::sign(v[0]); }},
      {"sqrt", [](const auto& v) { return square_root(v[0]); }},
      {"rsqrt", [](const auto& v) { return at::rsqrt(v[0]); }},
      {"reciprocal", [](const auto& v) { return at::reciprocal(v[0]); }},
      {"exp", [](const auto& v) { return at::exp(v[0]); }},
      {"exp2", [](const auto& v) { return at::exp2(v[0]); }},
      {"expm1", [](const auto& v) { return at::expm1(v[0]); }},
      {"log", [](const auto& v) { return at::log(v[0]); }},
      {"log2", [](const auto& v) { return at::log2(v[0]); }},
      {"log1p", [](const auto& v) { return at::log1p(v[0]); }},
      {"tanh", [](const auto& v) { return at::tanh(v[0]); }},
      {"sigmoid", [](const auto& v) { return at::sigmoid(v[0]); }},
      {"erf", [](const auto& v) { return at::erf(v[0]); }},
      {"pow", [](const auto& v) { return at::pow(v[0], v[1]); }},
      {"round", [](const auto& v) { return at::round(v[0]); }},
      {"floor", [](const auto& v) { return at::floor(v[0]); }},
      {"ceil", [](const auto& v) { return at::ceil(v[0]); }},
      {"where", [](const auto& v) { return at::where(v[0], v[1], v[2]); }},
      {"equal", [](const auto& v) { return at::eq(v[0], v[1]); }},
      {"less", [](const auto& v) { return at::lt(v[0], v[1]); }},
      {"less_equal", [](const auto& v) { return at::le(v[0], v[1]); }},
      {"is_nan", [](const auto& v) { return at::isnan(v[0]); }},
      {"is_finite", [](const auto& v) { return at::isfinite(v[0]); }},
      {"and", [](const auto& v) { return at::logical_and(v[0], v[1]); }},
      {"or", [](const auto& v) { return at::logical_or(v[0], v[1]); }},
      {"not", [](const auto& v) { return at::logical_not(v[0]); }},
      {"bit_and", [](const auto& v) { return at::bitwise_and(v[0], v[1]); }},
      {"bit_or", [](const auto& v) { return at::bitwise_or(v[0], v[1]); }},
      {"bit_xor", [](const auto& v) { return at::bitwise_xor(v[0], v[1]); }},
      {"bit_not", [](const auto& v) { return at::bitwise_not(v[0]); }},
      {"shift_left", [](const auto& v) { return shifted(v[0], v[1], true); }},
      {"shift_right", [](const auto& v) { return shifted(v[0], v[1], false); }},
  };
  return functions.at(name)(x);
}

// A node's value from its operands' values.
struct Compute {
  const TensorDesc& desc;
  const std::vector<at::Tensor>& in;
  bool only_aten;

  at::Tensor operator()(const nodes::Source& node) const {
    if (!node.strides.empty()) {
      std::int64_t extent = element_count(desc.shape) == 0 ? 0 : 1;
      for (std::size_t i = 0; i < desc.shape.size() && extent > 0; ++i) extent += (desc.shape[i] - 1) * node.strides[i];
      std::vector<std::byte> stretch(static_cast<std::size_t>(extent * item_size(desc.dtype)));
      node.file->read(node.offset, stretch);
      return tensor_of({desc.dtype, {extent}}, stretch).as_strided(desc.shape, node.strides).contiguous();
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(byte_count(desc.dtype, desc.shape)));
    node.file->read(node.offset, bytes);
    return tensor_of(desc, bytes);
  }
  at::Tensor operator()(const nodes::Literal& node) const { return tensor_of(desc, node.bytes); }
  at::Tensor operator()(const nodes::Unreadable&) const { throw std::logic_error("it has no elements"); }
  at::Tensor operator()(const nodes::Random& node) const {
    if (node.key) return drawn_by_counter(node);
    if (node.distribution != nodes::Random::Distribution::uniform)
      throw std::logic_error("normal draws are not PyTorch's");
    if (desc.dtype != DType::F32 && desc.dtype != DType::F64)
      throw std::logic_error("draws of the half types differ between versions");
    return at::empty(desc.shape, torch_type(desc.dtype))
        .uniform_(node.a, node.b, at::detail::createCPUGenerator(node.seed));
  }
  [[nodiscard]] at::Tensor drawn_by_counter(const nodes::Random& node) const {
    const at::Tensor out = at::empty(desc.shape, torch_type(desc.dtype));
    const auto of = static_cast<kernels::CounterDraws::Of>(node.distribution);
    kernels::draw_at({of, node.a, node.b, node.seed, *node.key}, desc.dtype, 0, 1, out.data_ptr(), out.numel());
    return out;
  }
  at::Tensor operator()(const nodes::Slice& node) const { return part_of(in[0], node.region).contiguous(); }
  at::Tensor operator()(const nodes::Permute& node) const {
    return in[0].permute(std::vector<std::int64_t>(node.order.begin(), node.order.end())).contiguous();
  }
  at::Tensor operator()(const nodes::Reshape&) const { return in[0].reshape(desc.shape); }
  at::Tensor operator()(const nodes::Broadcast&) const { return in[0].expand(desc.shape).contiguous(); }
  // Halves are computed as floats; the result is rounded to its dtype once.
  at::Tensor operator()(const nodes::Map& node) const {
    const std::string_view name = node.operation->name;
    const auto& numbers = node.parameters.numbers;
    if (name == "cast") return in[0].to(torch_type(desc.dtype));
    if (name == "scale") return scaled(*numbers[0]);
    if (name == "clamp") return clamped(numbers[0], numbers[1]);
    if (node.parameters.table) return looked_up(*node.parameters.table);
    if (!only_aten && is_approximate(*node.operation, desc.dtype)) return by_row(node);
    std::vector<at::Tensor> x;
    for (const at::Tensor& operand : in) x.push_back(is_half(operand) ? operand.to(at::kFloat) : operand);
    return elementwise(name, x).to(torch_type(desc.dtype));
  }
  [[nodiscard]] at::Tensor by_row(const nodes::Map& node) const {
    const at::Tensor out = at::empty(desc.shape, torch_type(desc.dtype));
    std::vector<const void*> places;
    std::vector<DType> dtypes;
    for (std::size_t i = 0; i < in.size(); ++i) {
      places.push_back(in[i].data_ptr());
      dtypes.push_back(node.parts[i].dtype());
    }
    node.operation->run({places, dtypes, node.parameters, desc.dtype, out.data_ptr(), out.numel()});
    return out;
  }
  [[nodiscard]] at::Tensor scaled(double factor) const {
    if (is_integer(desc.dtype)) {
      const at::Tensor whole = at::scalar_tensor(static_cast<std::int64_t>(factor), at::kLong);
      return at::mul(in[0], whole.to(in[0].scalar_type()));
    }
    if (is_half(in[0])) return at::mul(in[0].to(at::kFloat), at::Scalar(factor)).to(in[0].scalar_type());
    return at::mul(in[0], at::Scalar(factor));
  }
  [[nodiscard]] at::Tensor looked_up(const LookupTable& table) const {
    const std::int64_t size = std::ssize(table.elements) / item_size(table.dtype);
    return at::take(tensor_of({table.dtype, {size}}, table.elements), in[0].to(at::kLong));
  }
  [[nodiscard]] at::Tensor clamped(const std::optional<double>& low, const std::optional<double>& high) const {
    if (is_integer(desc.dtype)) return at::clamp(in[0], whole_limit(low, true), whole_limit(high, false));
    if (is_half(in[0]))
      return at::clamp(in[0].to(at::kFloat), half_limit(low), half_limit(high)).to(in[0].scalar_type());
    return at::clamp(in[0], limit(low), limit(high));
  }
  at::Tensor operator()(const nodes::Reduce& node) const {
    return reduced_by_aten(node, in, torch_type(desc.dtype)).reshape(desc.shape);
  }
  // Part by part: some dtypes have no index_select.
  at::Tensor operator()(const nodes::Take& node) const {
    std::vector<at::Tensor> parts;
    for (std::int64_t i = 0; i < in[1].numel(); ++i)
      parts.push_back(in[0].narrow(node.dim, in[1].data_ptr<std::int64_t>()[i], 1));
    return at::cat(parts, node.dim);
  }
  at::Tensor operator()(const nodes::Concat& node) const { return at::cat(in, node.dim); }
  at::Tensor operator()(const nodes::Overwrite& node) const {
    const at::Tensor out = in[0].clone();
    part_of(out, node.region).copy_(in[1]);
    return out;
  }
  at::Tensor operator()(const nodes::Matmul&) const {
    if (is_half(in[0])) return at::matmul(in[0].to(at::kFloat), in[1].to(at::kFloat)).to(in[0].scalar_type());
    return at::matmul(in[0], in[1]);
  }

  at::Tensor operator()(const nodes::SingularFactors& node) const {
    const auto [u, s, vh] = at::linalg_svd(in[0].to(at::kDouble), false);
    at::Tensor left = u.narrow(1, 0, node.count), right = vh.narrow(0, 0, node.count).t();
    const at::Tensor peak = right.gather(0, right.abs().argmax(0, true));
    const at::Tensor weights = at::sqrt(s.narrow(0, 0, node.count)) * at::sign(peak);
    return at::cat({left * weights, right * weights}, 0);
  }

  static c10::optional<at::Scalar> limit(const std::optional<double>& value) {
    return value ? c10::optional<at::Scalar>(at::Scalar(*value)) : c10::nullopt;
  }
  [[nodiscard]] c10::optional<at::Scalar> half_limit(const std::optional<double>& value) const {
    if (!value) return c10::nullopt;
    return at::Scalar(at::scalar_tensor(*value, at::kFloat).to(torch_type(desc.dtype)).to(at::kDouble).item<double>());
  }
  // Rounded inwards; beyond the dtype's range its end.
  [[nodiscard]] c10::optional<at::Scalar> whole_limit(const std::optional<double>& value, bool low) const {
    if (!value) return c10::nullopt;
    const int bits = info(desc.dtype).bits;
    const bool has_sign = info(desc.dtype).kind == DTypeClass::signed_integer;
    const double whole = low ? std::ceil(*value) : std::floor(*value);
    const double first = has_sign ? -std::ldexp(1, bits - 1) : 0;
    const double behind = std::ldexp(1, has_sign ? bits - 1 : bits);
    if (whole < first) return at::Scalar(static_cast<std::int64_t>(first));
    if (whole >= behind)
      return at::Scalar(bits == 64 ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(behind) - 1);
    return at::Scalar(static_cast<std::int64_t>(whole));
  }
};

}  // namespace

bool is_approximate(const Operation& operation, DType dtype) {
  static const std::set<std::string_view> names{"exp",  "exp2", "expm1",   "log", "log2",
                                                "log1p", "tanh", "sigmoid", "erf", "pow"};
  return is_floating(dtype) && names.contains(operation.name);
}

std::vector<std::byte> evaluate_reference(const Expr& expr, bool only_aten) {
  std::unordered_map<const Node*, at::Tensor> values;
  std::vector<const Node*> open{expr.get()};
  while (!open.empty()) {
    const Node& node = *open.back();
    if (values.contains(&node)) {
      open.pop_back();
      continue;
    }
    std::vector<at::Tensor> inputs;
    bool complete = true;
    for (const Expr& operand : operands(node)) {
      const auto known = values.find(operand.get());
      if (known == values.end()) {
        open.push_back(operand.get());
        complete = false;
      } else {
        inputs.push_back(known->second);
      }
    }
    if (!complete) continue;
    values.emplace(&node, std::visit(Compute{node.desc(), inputs, only_aten}, node.kind()));
    open.pop_back();
  }
  const at::Tensor result = values.at(expr.get()).contiguous();
  if (result.sizes() != at::IntArrayRef(expr.shape())) throw std::logic_error("the reference has another shape");
  std::vector<std::byte> bytes(static_cast<std::size_t>(byte_count(expr.dtype(), expr.shape())));
  if (!bytes.empty()) std::memcpy(bytes.data(), result.data_ptr(), bytes.size());
  return bytes;
}

bool same_elements(DType dtype, std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return false;
  if (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
  if (!is_floating(dtype)) return false;
  const auto item = static_cast<std::size_t>(item_size(dtype));
  const Shape shape{static_cast<std::int64_t>(a.size() / item)};
  const at::Tensor x = tensor_of({dtype, shape}, a), y = tensor_of({dtype, shape}, b);
  const at::Tensor nan_x = at::isnan(x.to(at::kDouble)), nan_y = at::isnan(y.to(at::kDouble));
  for (std::size_t i = 0; i * item < a.size(); ++i) {
    if (std::memcmp(&a[i * item], &b[i * item], item) == 0) continue;
    if (!nan_x.data_ptr<bool>()[i] || !nan_y.data_ptr<bool>()[i]) return false;
  }
  return true;
}

namespace {

// Exact: long double holds every element of every dtype, and every difference of two 64-bit integers but the last bit.
std::vector<long double> exact_values(const Expr& expr) {
  const at::Tensor tensor = tensor_of(expr.desc(), evaluate_reference(expr)).reshape({-1});
  std::vector<long double> values(static_cast<std::size_t>(tensor.numel()));
  const at::Tensor wide = is_integer(expr.dtype()) ? tensor.to(at::kLong) : tensor.to(at::kDouble);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = is_integer(expr.dtype()) ? static_cast<long double>(wide.data_ptr<std::int64_t>()[i])
                                         : static_cast<long double>(wide.data_ptr<double>()[i]);
  }
  return values;
}

}  // namespace

bool equal_by_reference(const Expr& left, const Expr& right, std::optional<double> eps) {
  const std::vector<long double> a = exact_values(left), b = exact_values(right);
  for (std::size_t i = 0; i < a.size(); ++i) {
    // Of floats rounded to double, as docs/arithmetic.md has it: 0.501 is within 0.5 of 0.001.
    const double distance = is_integer(left.dtype()) ? static_cast<double>(a[i] - b[i])
                                                        : static_cast<double>(a[i]) - static_cast<double>(b[i]);
    const bool near = eps && std::abs(distance) <= *eps;
    if (a[i] != b[i] && !near) return false;
  }
  return true;
}

bool small_by_reference(const Expr& a, double eps) {
  for (const long double value : exact_values(a)) {
    if (!(std::abs(value) <= static_cast<long double>(eps))) return false;
  }
  return true;
}

}  // namespace brainsurgery::testing
