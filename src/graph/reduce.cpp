// Construction of reductions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

#include "base/checked_math.h"
#include "brainsurgery/error.h"
#include "graph/make.h"

namespace brainsurgery {
namespace {

[[noreturn]] void refuse_reduction(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

// Each axis once, from 0, increasing.
std::vector<int> normalised(std::vector<int> axes, const Shape& shape) {
  const int rank = static_cast<int>(shape.size());
  if (axes.empty()) {
    axes.resize(shape.size());
    std::iota(axes.begin(), axes.end(), 0);
    return axes;
  }
  for (int& axis : axes) {
    if (axis < -rank || axis >= rank)
      refuse_reduction(fmt::format("dimension {} is out of range for shape {}", axis, to_string(shape)));
    axis += axis < 0 ? rank : 0;
  }
  std::ranges::sort(axes);
  if (const auto twice = std::ranges::adjacent_find(axes); twice != axes.end())
    refuse_reduction(fmt::format("dimension {} is reduced twice", *twice));
  return axes;
}

ReducerParameters completed(const Reducer& reducer, ReducerParameters parameters) {
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    const Reducer::Parameter& parameter = reducer.parameters[i];
    BS_CHECK(!parameter.name.empty() || !parameters.numbers[i]);
    if (parameter.name.empty() || parameters.numbers[i]) continue;
    if (!parameter.otherwise) refuse_reduction(fmt::format("{} needs {}", reducer.name, parameter.name));
    parameters.numbers[i] = parameter.otherwise;
  }
  return parameters;
}

// The dimension of one result, if it has one.
Shape numbers_of(const Reducer& reducer, const ReducerParameters& parameters) {
  return reducer.numbers == nullptr ? Shape{} : Shape{reducer.numbers(parameters)};
}

// The number that no elements make.
Expr number_of_nothing(const Reducer& reducer, const Reducer::Use& use) {
  const TensorDesc desc{use.dtype, numbers_of(reducer, use.parameters)};
  std::vector<std::byte> state(static_cast<std::size_t>(reducer.words(use)) * 8);
  std::vector<std::byte> number(static_cast<std::size_t>(byte_count(desc.dtype, desc.shape)));
  reducer.start(use, {state.data(), 1, 1});
  reducer.finish(use, {state.data(), 1, 1}, number.data());
  return literal(desc, std::move(number));
}

}  // namespace

Expr reduce(const Reducer& reducer, std::vector<Expr> operands, std::vector<int> axes, bool keepdim,
            const ReducerParameters& given) {
  BS_CHECK(operands.size() == reducer.operands && reducer.operands <= kMaxOperands);
  const Shape shape = common_shape(operands);
  axes = normalised(std::move(axes), shape);
  const ReducerParameters parameters = completed(reducer, given);
  std::array<DType, kMaxOperands> all_dtypes{};
  std::ranges::transform(operands, all_dtypes.begin(), &Expr::dtype);
  TensorDesc desc;
  std::int64_t reduced = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool disappears = std::ranges::binary_search(axes, static_cast<int>(i));
    if (disappears) reduced = shape[i] == 0 ? 0 : checked_mul(reduced, shape[i], "the number of elements");
    if (!disappears || keepdim) desc.shape.push_back(disappears ? 1 : shape[i]);
  }
  Reducer::Use use{std::span(all_dtypes).first(operands.size()), parameters, desc.dtype, reduced};
  desc.dtype = use.dtype = reducer.result(reducer, use);
  std::ranges::copy(numbers_of(reducer, parameters), std::back_inserter(desc.shape));
  if (reduced == 0 && !reducer.reduces_nothing)
    refuse_reduction(fmt::format("{} over an empty axis has no value: shape {}", reducer.name, to_string(shape)));
  if (element_count(desc.shape) == 0) return literal(std::move(desc), {});
  if (reduced == 0) return broadcast(number_of_nothing(reducer, use), desc.shape);
  for (Expr& operand : operands) operand = broadcast(std::move(operand), shape);
  return make(std::move(desc), nodes::Reduce{&reducer, parameters, std::move(operands), std::move(axes), keepdim});
}

}  // namespace brainsurgery
