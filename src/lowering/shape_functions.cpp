#include "lowering/shape_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

using Arguments = std::vector<ArgumentValue>;
using Kind = FunctionParameter::Kind;

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

std::int64_t integer_or(const ArgumentValue& value, std::int64_t otherwise) {
  const auto* given = std::get_if<std::int64_t>(&value);
  return given == nullptr ? otherwise : *given;
}

Shape positive_shape(const Shape& shape, bool infers) {
  const auto bad = std::ranges::find_if(shape, [&](std::int64_t size) { return size < (infers ? -1 : 0); });
  if (bad != shape.end()) refuse(fmt::format("{} is no size of a dimension", *bad));
  if (std::ranges::count(shape, -1) > 1) refuse("at most one size may be -1");
  return shape;
}

Expr with_dimension(const Expr& base, int dim) {
  Shape shape = base.shape();
  shape.insert(shape.begin() + dim, 1);
  return reshape(base, std::move(shape));
}

// Parts of a concatenation: conditions stay that if all are, numbers are brought to one dtype.
std::vector<Expr> alike(Typing& typing, std::vector<Expr> parts) {
  if (parts.empty()) refuse("the list is empty");
  const auto same = [&](const Expr& part) { return part.dtype() == parts.front().dtype(); };
  if (std::ranges::all_of(parts, same)) return parts;
  for (Expr& part : parts) part = typing.number(part);
  return parts;
}

Expr joined(Typing& typing, const Arguments& arguments) {
  std::vector<Expr> parts = alike(typing, std::get<std::vector<Expr>>(arguments[0]));
  const Shape& shape = parts.front().shape();
  const int dim = dimension_of(integer_or(arguments[1], 0), std::ssize(shape), shape);
  return concat(std::move(parts), dim);
}

Expr stacked(Typing& typing, const Arguments& arguments) {
  std::vector<Expr> parts = alike(typing, std::get<std::vector<Expr>>(arguments[0]));
  const Shape shape = parts.front().shape();
  const int dim = dimension_of(integer_or(arguments[1], 0), std::ssize(shape) + 1, shape);
  for (Expr& part : parts) {
    if (part.shape() != shape)
      refuse(fmt::format("shapes {} and {} differ", to_string(shape), to_string(part.shape())));
    part = with_dimension(part, dim);
  }
  return concat(std::move(parts), dim);
}

Expr exchanged(const Expr& base, int a, int b) {
  std::vector<int> order(base.shape().size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(a)], order[static_cast<std::size_t>(b)]);
  return permute(base, std::move(order));
}

Expr permuted(const Expr& base, const std::vector<std::int64_t>& order) {
  std::vector<int> axes;
  for (const std::int64_t dim : order) axes.push_back(dimension_of(dim, std::ssize(base.shape()), base.shape()));
  return permute(base, std::move(axes));
}

Expr outer(Typing& typing, const Expr& a, const Expr& b) {
  for (const Expr& vector : {a, b}) {
    if (vector.shape().size() != 1) refuse(fmt::format("outer takes vectors, not shape {}", to_string(vector.shape())));
  }
  return product(with_dimension(typing.number(a), 1), typing.number(b));
}

Function function(std::string name, std::vector<FunctionParameter> parameters,
                  std::function<Expr(Typing&, Arguments)> apply) {
  return {.name = std::move(name), .parameters = std::move(parameters), .apply = std::move(apply)};
}

const Expr& tensor(const Arguments& arguments, std::size_t index = 0) { return std::get<Expr>(arguments[index]); }

std::vector<Function> arranging_functions() {
  return {
      function("reshape", {{"x"}, {"shape", Kind::integers}},
               [](Typing&, const Arguments& arguments) {
                 return reshape(tensor(arguments), positive_shape(std::get<Shape>(arguments[1]), true));
               }),
      function("permute", {{"x"}, {"order", Kind::integers}},
               [](Typing&, const Arguments& arguments) {
                 return permuted(tensor(arguments), std::get<Shape>(arguments[1]));
               }),
      function("transpose", {{"x"}, {"dim0", Kind::integer}, {"dim1", Kind::integer}},
               [](Typing&, const Arguments& arguments) {
                 const Expr& base = tensor(arguments);
                 const auto dim = [&](std::size_t index) {
                   return dimension_of(integer_or(arguments[index], 0), std::ssize(base.shape()), base.shape());
                 };
                 return exchanged(base, dim(1), dim(2));
               }),
      function("broadcast_to", {{"x"}, {"shape", Kind::integers}},
               [](Typing&, const Arguments& arguments) {
                 return broadcast(tensor(arguments), positive_shape(std::get<Shape>(arguments[1]), false));
               }),
      function("concat", {{"parts", Kind::tensors}, {"dim", Kind::integer, false}}, joined),
      function("stack", {{"parts", Kind::tensors}, {"dim", Kind::integer, false}}, stacked),
  };
}

std::vector<Function> making_functions() {
  const auto filled = [](Typing& typing, const Expr& like, const Expr& value) {
    return broadcast(typing.number(value), like.shape());
  };
  return {
      function("outer", {{"a"}, {"b"}},
               [](Typing& typing, const Arguments& arguments) {
                 return outer(typing, tensor(arguments), tensor(arguments, 1));
               }),
      function("matmul", {{"a"}, {"b"}},
               [](Typing& typing, const Arguments& arguments) {
                 return matmul(typing.number(tensor(arguments)), typing.number(tensor(arguments, 1)));
               }),
      function("zeros_like", {{"x"}},
               [filled](Typing& typing, const Arguments& arguments) {
                 return filled(typing, tensor(arguments), typing.number(terms::Number{0, 0}));
               }),
      function("ones_like", {{"x"}},
               [filled](Typing& typing, const Arguments& arguments) {
                 return filled(typing, tensor(arguments), typing.number(terms::Number{1, 1}));
               }),
      function("full_like", {{"x"}, {"value"}},
               [filled](Typing& typing, const Arguments& arguments) {
                 return filled(typing, tensor(arguments), tensor(arguments, 1));
               }),
  };
}

// Done at once where a number of the formula is converted.
Expr converted(const Expr& value, DType dtype) {
  static const Operation& conversion = operation("cast");
  const bool number = value.shape().empty() && std::holds_alternative<nodes::Literal>(value.node().kind());
  return number ? map_or_fold(conversion, {value}, {.numbers = {}, .dtype = dtype}) : cast(value, dtype);
}

std::vector<Function> converting_functions() {
  const FunctionParameter operand{.name = "x", .exact = true};
  std::vector<Function> result{function(
      "cast", {operand, {"dtype", Kind::dtype}},
      [](Typing&, const Arguments& arguments) { return converted(tensor(arguments), std::get<DType>(arguments[1])); })};
  result.front().converts = true;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!row.computes || !is_formula_name(row.torch_name)) continue;
    const DType dtype = row.dtype;
    result.push_back(
        function(std::string(row.torch_name), {operand},
                 [dtype](Typing&, const Arguments& arguments) { return converted(tensor(arguments), dtype); }));
    result.back().dtype = dtype;
  }
  return result;
}

}  // namespace

int dimension_of(std::int64_t dim, std::int64_t rank, const Shape& shape) {
  const std::int64_t resolved = dim < 0 ? dim + rank : dim;
  if (resolved < 0 || resolved >= rank)
    refuse(fmt::format("dim {} is out of range for shape {}", dim, to_string(shape)));
  return static_cast<int>(resolved);
}

Expr transposed(const Expr& base) {
  const int rank = static_cast<int>(base.shape().size());
  if (rank < 2) refuse(fmt::format(".T needs at least 2 dimensions, not shape {}", to_string(base.shape())));
  return exchanged(base, rank - 2, rank - 1);
}

std::vector<Function> shape_functions() {
  std::vector<Function> result = arranging_functions();
  for (std::vector<Function> more : {making_functions(), converting_functions()})
    std::ranges::move(more, std::back_inserter(result));
  return result;
}

}  // namespace brainsurgery
