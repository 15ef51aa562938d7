// equal, tied, close, iszero: elements that are held against others, or against zero.
#include <fmt/format.h>

#include "base/numbers.h"
#include "graph/conditions.h"
#include "graph/visitor.h"
#include "predicates/families.h"
#include "predicates/measured.h"

namespace brainsurgery {
namespace {

struct EqualSpec : Tolerance {
  TensorRef left, right;
};

struct CloseSpec : Closeness {
  TensorRef left, right;
};

struct TiedSpec {
  TensorRef left, right;
};

struct IsZeroSpec {
  TensorRef of;
  std::optional<double> eps;
};

std::string pair_of(const FoundTensor& left, const FoundTensor& right) {
  return fmt::format("{} and {}", left.label(), right.label());
}

// The verdict of what headers tell, or nullptr.
CheckPtr shapes_differ(const FoundTensor& left, const FoundTensor& right, const char* what) {
  if (left.expr.shape() == right.expr.shape()) return nullptr;
  return decided(false, fmt::format("{} are not {}: shapes {} and {}", pair_of(left, right), what,
                                    to_string(left.expr.shape()), to_string(right.expr.shape())));
}

CheckPtr equal(const EqualSpec& spec, const FoundTensor& left, const FoundTensor& right) {
  for (const FoundTensor* side : {&left, &right}) require_readable(side->expr, side->label());
  const std::string pair = pair_of(left, right);
  if (CheckPtr differ = shapes_differ(left, right, "equal")) return differ;
  if (left.expr.dtype() != right.expr.dtype()) {
    return decided(false, fmt::format("{} are not equal: dtypes {} and {}", pair, to_string(left.expr.dtype()),
                                      to_string(right.expr.dtype())));
  }
  if (spec.is_given() && !info(left.expr.dtype()).computes) {
    throw Error(ErrorCode::plan, fmt::format("{}: {} is not defined for dtype {}", pair, spec.eps ? "eps" : "rtol",
                                             to_string(left.expr.dtype())));
  }
  if (spec.rtol) {
    const Closeness closeness{.rtol = *spec.rtol, .atol = spec.eps.value_or(0)};
    return close_everywhere(left, right, closeness, fmt::format("{} are not equal{}", pair, to_string(spec)));
  }
  std::string reason = spec.eps ? fmt::format("{} differ by more than {}", pair, python_float(*spec.eps))
                                : fmt::format("{} are not equal: values differ", pair);
  return make_check(equal_values(left.expr, right.expr, spec.eps, std::move(reason)));
}

CheckPtr close(const CloseSpec& spec, const FoundTensor& left, const FoundTensor& right) {
  for (const FoundTensor* side : {&left, &right}) {
    if (CheckPtr mistake = mistake_of_dtype("close", *side)) return mistake;
  }
  if (CheckPtr differ = shapes_differ(left, right, "close")) return differ;
  return close_everywhere(left, right, spec, pair_of(left, right) + " are not close");
}

// One place of one file is one tensor; else the elements tell.
CheckPtr tied(const FoundTensor& left, const FoundTensor& right) {
  const auto *a = as<nodes::Source>(left.expr), *b = as<nodes::Source>(right.expr);
  const bool same_place = a != nullptr && b != nullptr && a->file == b->file && a->offset == b->offset && a->strides == b->strides;
  if (left.expr == right.expr || (same_place && left.expr.desc() == right.expr.desc())) return decided(true, "");
  return equal(EqualSpec(), left, right);
}

void add_tied(PredicateRegistry& registry) {
  SchemaBuilder<TiedSpec> schema(
      "tied", {"Two names are one tensor: they share their storage, or have the same shape, dtype and values.",
               "Of names that share their storage no elements are read. Counts one read of each side.",
               "assert: {tied: {left: 'lm_head.weight', right: 'wte.weight'}}", "- copy: {from: wte.weight, to: lm_head.weight}"});
  schema.called_elsewhere({"shared", "same_storage", "shares", "is_tied"});
  schema.reference(&TiedSpec::left, "left", roles::source()).doc("One side; its pattern names the other.");
  schema.reference(&TiedSpec::right, "right", roles::paired_source()).doc("The other side.");
  registry.add(make_predicate<TiedSpec>(
      schema, [](const TiedSpec& spec, NameScope& names) { return for_every_pair(spec.left, spec.right, names, tied); }));
}

void add_equal(PredicateRegistry& registry) {
  SchemaBuilder<EqualSpec> equal_schema(
      "equal",
      {"Two tensors have the same shape, dtype and values.",
       "Without eps and rtol by value: 0.0 equals -0.0, NaN equals nothing. With eps: no difference exceeds it. With "
       "rtol: |left - right| <= eps + rtol * |right| everywhere, in float64. Shape and dtype must be equal in "
       "any case. "
       "Counts one read of each side.",
       "assert: {equal: {left: 'h\\.0\\.(ln_.+)', right: 'h.1.\\1', eps: 1e-6}}"});
  equal_schema.called_elsewhere({"same", "eq", "is"});
  equal_schema.reference(&EqualSpec::left, "left", roles::source()).doc("One side; its pattern names the other.");
  equal_schema.reference(&EqualSpec::right, "right", roles::paired_source()).doc("The other side.");
  add_tolerance_fields(equal_schema, "The largest difference allowed.",
                       "More of it, as a part of the right element's magnitude.");
  equal_schema.check([](const EqualSpec& spec) { return problem_of(spec); });
  registry.add(make_predicate<EqualSpec>(equal_schema, [](const EqualSpec& spec, NameScope& names) {
    return for_every_pair(spec.left, spec.right, names, [&spec](const FoundTensor& left, const FoundTensor& right) {
      return equal(spec, left, right);
    });
  }));
}

void add_close(PredicateRegistry& registry) {
  SchemaBuilder<CloseSpec> schema(
      "close",
      {"Two tensors have the same shape and nearly the same values.",
       "As numpy.allclose: |left - right| <= atol + rtol * |right| everywhere, computed in float64; what is "
       "infinite is "
       "close to itself alone. Dtypes may differ. A failure names how many elements are too far apart, and the "
       "first of "
       "them. Counts one read of each side.",
       "assert: {close: {left: 'wte.weight', right: 'wte.half', rtol: 1e-2}}",
       "- cast: {from: 'wte.weight', to: 'wte.half', dtype: bfloat16}"});
  schema.called_elsewhere({"allclose", "isclose", "approx", "almost_equal", "near", "similar"});
  schema.reference(&CloseSpec::left, "left", roles::source()).doc("One side; its pattern names the other.");
  schema.reference(&CloseSpec::right, "right", roles::paired_source()).doc("The other side.");
  schema.field(static_cast<double CloseSpec::*>(&Closeness::rtol), "rtol")
      .defaults_to("1e-05")
      .doc("The largest difference allowed, as a part of the right element's magnitude.");
  schema.field(static_cast<double CloseSpec::*>(&Closeness::atol), "atol").defaults_to("1e-08").doc("Added to it.");
  schema.field(static_cast<bool CloseSpec::*>(&Closeness::equal_nan), "equal_nan")
      .defaults_to("false")
      .doc("Whether NaN is close to NaN.");
  schema.check([](const CloseSpec& spec) {
    const auto problem = problem_of_tolerance("rtol", spec.rtol);
    return problem ? problem : problem_of_tolerance("atol", spec.atol);
  });
  registry.add(make_predicate<CloseSpec>(schema, [](const CloseSpec& spec, NameScope& names) {
    return for_every_pair(spec.left, spec.right, names, [&spec](const FoundTensor& left, const FoundTensor& right) {
      return close(spec, left, right);
    });
  }));
}

CheckPtr is_zero(const IsZeroSpec& spec, const FoundTensor& tensor) {
  if (CheckPtr mistake = mistake_of_dtype("iszero", tensor)) return mistake;
  std::string reason = spec.eps ? fmt::format("{} is not zero within {}", tensor.label(), python_float(*spec.eps))
                                : fmt::format("{} is not all zero", tensor.label());
  return make_check(small_values(tensor.expr, spec.eps, std::move(reason)));
}

void add_is_zero(PredicateRegistry& registry) {
  SchemaBuilder<IsZeroSpec> schema(
      "iszero", {"Every element of every match is zero, or at most eps from it.",
                 "NaN is not zero. Counts one read of each match.", "assert: {iszero: {of: '.+\\.bias', eps: 1e-8}}"});
  schema.called_elsewhere({"zero", "zeros", "zeroes", "is_zero"});
  schema.reference(&IsZeroSpec::of, "of", roles::source()).doc("The reference.");
  schema.field(&IsZeroSpec::eps, "eps").doc("The largest distance from zero allowed.");
  schema.shorthand("of");
  schema.check([](const IsZeroSpec& spec) { return problem_of_tolerance("eps", spec.eps); });
  registry.add(make_predicate<IsZeroSpec>(schema, [](const IsZeroSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, true,
                           [&spec](const FoundTensor& tensor) { return is_zero(spec, tensor); });
  }));
}

}  // namespace

void add_values(PredicateRegistry& registry) {
  add_equal(registry);
  add_tied(registry);
  add_close(registry);
  add_is_zero(registry);
}

}  // namespace brainsurgery
