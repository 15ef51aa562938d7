// equal, iszero: what only data can tell.
#include <fmt/format.h>

#include <cmath>

#include "base/numbers.h"
#include "predicates/families.h"

namespace brainsurgery {
namespace {

struct EqualSpec {
  TensorRef left, right;
  std::optional<double> eps;
};

struct IsZeroSpec {
  TensorRef of;
  std::optional<double> eps;
};

std::optional<FieldProblem> problem_of_eps(const std::optional<double>& eps) {
  if (eps && (std::isnan(*eps) || *eps < 0))
    return FieldProblem{"eps", fmt::format("must be a non-negative number, found {}", python_float(*eps))};
  return std::nullopt;
}

CheckPtr compare(const FoundTensor& left, const FoundTensor& right, const std::optional<double>& eps) {
  for (const FoundTensor* side : {&left, &right}) require_readable(side->expr, side->label());
  const std::string pair = fmt::format("{} and {}", left.label(), right.label());
  if (left.expr.shape() != right.expr.shape()) {
    return decided(false, fmt::format("{} are not equal: shapes {} and {}", pair, to_string(left.expr.shape()),
                                      to_string(right.expr.shape())));
  }
  if (left.expr.dtype() != right.expr.dtype()) {
    return decided(false, fmt::format("{} are not equal: dtypes {} and {}", pair, to_string(left.expr.dtype()),
                                      to_string(right.expr.dtype())));
  }
  if (eps && !info(left.expr.dtype()).computes) {
    throw Error(ErrorCode::plan,
                fmt::format("{}: eps is not defined for dtype {}", pair, to_string(left.expr.dtype())));
  }
  std::string reason = eps ? fmt::format("{} differ by more than {}", pair, python_float(*eps))
                           : fmt::format("{} are not equal: values differ", pair);
  return make_check(checks::EqualValues{left.expr, right.expr, eps, std::move(reason)});
}

}  // namespace

void add_values(PredicateRegistry& registry) {
  SchemaBuilder<EqualSpec> equal(
      "equal",
      {"Two tensors have the same shape, dtype and values.",
       "Without eps by value: 0.0 equals -0.0, NaN equals nothing. With eps: no difference exceeds it. Shape and "
       "dtype must be equal in any case. Counts one read of each side.",
       "assert: {equal: {left: 'h\\.0\\.(ln_.+)', right: 'h.1.\\1', eps: 1e-6}}"});
  equal.called_elsewhere({"allclose", "close", "same", "eq", "is"});
  equal.reference(&EqualSpec::left, "left", roles::source()).doc("One side; its pattern names the other.");
  equal.reference(&EqualSpec::right, "right", roles::paired_source()).doc("The other side.");
  equal.field(&EqualSpec::eps, "eps").doc("The largest difference allowed.");
  equal.check([](const EqualSpec& spec) { return problem_of_eps(spec.eps); });
  registry.add(make_predicate<EqualSpec>(equal, [](const EqualSpec& spec, NameScope& names) -> CheckPtr {
    std::vector<CheckPtr> parts;
    try {
      const auto pairs = names.select_pairs(spec.left, spec.right);
      for (const auto& [left, right] : pairs) {
        if (!right.expr) throw names.missing(spec.right, right);
      }
      for (const auto& [left, right] : pairs) {
        names.count_read(left);
        names.count_read(right);
        parts.push_back(compare(left, right, spec.eps));
      }
    } catch (const Error& error) {
      return make_check(checks::Mistake{error});
    }
    if (parts.empty()) return make_check(checks::Mistake{names.no_match(spec.left)});
    return make_check(checks::AllOf{std::move(parts)});
  }));

  SchemaBuilder<IsZeroSpec> iszero(
      "iszero", {"Every element of every match is zero, or at most eps from it.",
                 "NaN is not zero. Counts one read of each match.", "assert: {iszero: {of: '.+\\.bias', eps: 1e-8}}"});
  iszero.called_elsewhere({"zero", "zeros", "zeroes", "is_zero"});
  iszero.reference(&IsZeroSpec::of, "of", roles::source()).doc("The reference.");
  iszero.field(&IsZeroSpec::eps, "eps").doc("The largest distance from zero allowed.");
  iszero.shorthand("of");
  iszero.check([](const IsZeroSpec& spec) { return problem_of_eps(spec.eps); });
  registry.add(make_predicate<IsZeroSpec>(iszero, [](const IsZeroSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, true, [&spec](const FoundTensor& tensor) -> CheckPtr {
      require_readable(tensor.expr, tensor.label());
      if (!info(tensor.expr.dtype()).computes) {
        return make_check(
            checks::Mistake{Error(ErrorCode::plan, fmt::format("{}: iszero is not defined for dtype {}", tensor.label(),
                                                               to_string(tensor.expr.dtype())))});
      }
      std::string reason = spec.eps ? fmt::format("{} is not zero within {}", tensor.label(), python_float(*spec.eps))
                                    : fmt::format("{} is not all zero", tensor.label());
      return make_check(checks::SmallValues{tensor.expr, spec.eps.value_or(0), std::move(reason)});
    });
  }));
}

}  // namespace brainsurgery
