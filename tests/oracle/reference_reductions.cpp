#include "oracle/reference_reductions.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <string_view>

namespace brainsurgery::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The elements that make one result along the last dimension.
at::Tensor rows_of(const at::Tensor& x, const std::vector<int>& axes) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < x.dim(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) order.push_back(i);
  const auto kept = order.size();
  std::int64_t count = 1;
  for (const int axis : axes) {
    order.push_back(axis);
    count *= x.size(axis);
  }
  const at::Tensor moved = x.permute(order);
  std::vector<std::int64_t> shape = moved.sizes().slice(0, kept).vec();
  shape.push_back(count);
  return moved.reshape(shape);
}

bool is_floating(const at::Tensor& x) { return at::isFloatingType(x.scalar_type()); }

// What is added: floats in double, others as int64.
at::Tensor terms(const at::Tensor& x) { return x.to(is_floating(x) ? at::kDouble : at::kLong); }

// In a type for which every version has all functions.
at::Tensor comparable(const at::Tensor& x) {
  if (x.scalar_type() == at::kBool) return x.to(at::kByte);
  return x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16 ? x.to(at::kFloat) : x;
}

// ATen's choice between zeros of different signs depends on their place in a vector.
at::Tensor extreme(const at::Tensor& x, bool smallest) {
  const at::Tensor of = comparable(x);
  const at::Tensor found = smallest ? at::amin(of, -1) : at::amax(of, -1);
  if (!is_floating(of)) return found;
  const at::Tensor wanted = at::logical_and(at::eq(of, 0), smallest ? at::signbit(of) : at::signbit(of).logical_not());
  const at::Tensor has_wanted = wanted.any(-1);
  const double zero = smallest ? -0.0 : 0.0;
  return at::where(at::eq(found, 0), at::where(has_wanted, at::full_like(found, zero), at::full_like(found, -zero)),
                   found);
}

// The element at a place of the sorted rows. Zeros are equal to ATen; here the negative ones come first.
at::Tensor sorted_at(const at::Tensor& x, std::int64_t place) {
  const at::Tensor of = comparable(x);
  const at::Tensor found = std::get<0>(at::kthvalue(of, place + 1, -1));
  if (!is_floating(of)) return found;
  const at::Tensor below = at::logical_or(at::lt(of, 0), at::logical_and(at::eq(of, 0), at::signbit(of)));
  const at::Tensor is_negative = at::gt(below.to(at::kLong).sum(-1), place);
  const at::Tensor zero = at::where(is_negative, at::full_like(found, -0.0), at::full_like(found, 0.0));
  return at::where(at::eq(found, 0), zero, found);
}

using Function = std::function<at::Tensor(const std::vector<at::Tensor>& rows, const ReducerParameters& parameters)>;

const std::map<std::string_view, Function>& functions() {
  static const std::map<std::string_view, Function> all{
      {"sum", [](const auto& x, const auto&) { return terms(x[0]).sum(-1); }},
      {"mean", [](const auto& x, const auto&) { return terms(x[0]).mean(-1); }},
      {"var", [](const auto& x, const auto& p) { return terms(x[0]).var(at::IntArrayRef({-1}), *p.numbers[0] != 0); }},
      {"std", [](const auto& x, const auto& p) { return terms(x[0]).std(at::IntArrayRef({-1}), *p.numbers[0] != 0); }},
      {"norm", [](const auto& x, const auto& p) { return at::linalg_vector_norm(terms(x[0]), *p.numbers[0], {{-1}}); }},
      {"min", [](const auto& x, const auto&) { return extreme(x[0], true); }},
      {"max", [](const auto& x, const auto&) { return extreme(x[0], false); }},
      {"argmin", [](const auto& x, const auto&) { return at::argmin(comparable(x[0]), -1); }},
      {"argmax", [](const auto& x, const auto&) { return at::argmax(comparable(x[0]), -1); }},
      {"prod", [](const auto& x, const auto&) { return terms(x[0]).prod(-1); }},
      {"dot", [](const auto& x, const auto&) { return (terms(x[0]) * terms(x[1])).sum(-1); }},
      {"count", [](const auto& x, const auto&) { return x[0].to(at::kLong).sum(-1); }},
      {"count_nonzero", [](const auto& x, const auto&) { return at::ne(x[0], 0).to(at::kLong).sum(-1); }},
      {"any", [](const auto& x, const auto&) { return at::ne(x[0], 0).any(-1); }},
      {"all", [](const auto& x, const auto&) { return at::ne(x[0], 0).all(-1); }},
      {"kth_largest",
       [](const auto& x, const auto& p) {
         return sorted_at(x[0], x[0].size(-1) - static_cast<std::int64_t>(*p.numbers[0]));
       }},
      {"median", [](const auto& x, const auto&) { return sorted_at(x[0], (x[0].size(-1) - 1) / 2); }},
      {"quantile", [](const auto& x, const auto& p) { return at::quantile(terms(x[0]), *p.numbers[0], -1); }},
      {"histogram",
       [](const auto& x, const auto& p) {
         const at::Tensor rows = terms(x[0]).to(at::kDouble).reshape({-1, x[0].size(-1)});
         std::vector<at::Tensor> found;
         for (std::int64_t i = 0; i < rows.size(0); ++i) {
           found.push_back(at::histc(rows[i].index({at::isfinite(rows[i])}), static_cast<std::int64_t>(*p.numbers[0]),
                                     *p.numbers[1], *p.numbers[2]));
         }
         return at::stack(found);
       }},
  };
  return all;
}

// ATen converts double to the half types by way of float. Of floats beside the number, the one with an odd last bit is
// not half way between two halves.
at::Tensor rounded_once(const at::Tensor& found, at::ScalarType dtype) {
  if (found.scalar_type() != at::kDouble || (dtype != at::kHalf && dtype != at::kBFloat16)) return found.to(dtype);
  at::Tensor floats = found.to(at::kFloat).contiguous();
  const at::Tensor doubles = found.contiguous();
  for (std::int64_t i = 0; i < floats.numel(); ++i) {
    float& nearest = floats.data_ptr<float>()[i];
    const double value = doubles.data_ptr<double>()[i];
    if (!(std::abs(static_cast<double>(nearest) - value) > 0)) continue;
    const float other = std::nextafter(nearest, nearest < value ? kInfinity : -kInfinity);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &nearest, sizeof bits);
    if (bits % 2 == 0) nearest = other;
  }
  return floats.to(dtype);
}

}  // namespace

at::Tensor reduced_by_aten(const nodes::Reduce& node, const std::vector<at::Tensor>& operands, at::ScalarType dtype) {
  std::vector<at::Tensor> rows;
  for (const at::Tensor& operand : operands) rows.push_back(rows_of(operand, node.axes));
  const auto function = functions().find(node.reducer->name);
  if (function == functions().end()) throw std::logic_error("the reference has no such reducer");
  return rounded_once(function->second(rows, node.parameters), dtype);
}

}  // namespace brainsurgery::testing
