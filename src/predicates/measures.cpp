// finite, range, sum, norm, unique: what the elements of a tensor amount to.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/numbers.h"
#include "predicates/families.h"
#include "predicates/measured.h"

namespace brainsurgery {
namespace {

struct FiniteSpec {
  TensorRef of;
};

struct RangeSpec {
  TensorRef of;
  std::optional<ExactNumber> min, max;
};

struct SumSpec : Tolerance {
  TensorRef of;
  std::optional<ExactNumber> is;
};

struct NormSpec : Tolerance {
  TensorRef of;
  double p = 2;
  std::optional<ExactNumber> is;
  std::optional<double> min, max;
};

struct UniqueSpec {
  TensorRef of;
};

constexpr const char* kEps = "The largest distance from `is` allowed.";
constexpr const char* kRtol = "More of it, as a part of |`is`|.";

CheckPtr finite(const FoundTensor& tensor) {
  if (!is_floating(tensor.expr.dtype())) return decided(true, "");
  return every_element({map(operation("is_finite"), {tensor.expr}),
                        tensor.label() + " is not finite",
                        "is NaN or infinite",
                        "are NaN or infinite",
                        {tensor.expr}});
}

std::string limit_text(const ExactNumber& limit) {
  return limit.integer ? std::to_string(*limit.integer) : python_float(limit.value);
}

std::string range_text(const RangeSpec& spec) {
  if (!spec.max) return "at least " + limit_text(*spec.min);
  if (!spec.min) return "at most " + limit_text(*spec.max);
  return fmt::format("between {} and {}", limit_text(*spec.min), limit_text(*spec.max));
}

Expr always(const Expr& expr, bool value) {
  const Expr truth = literal({DType::BOOL, {}}, {static_cast<std::byte>(value)});
  return broadcast(truth, expr.shape());
}

// A limit as a 64-bit integer, rounded inwards; where it lies beyond the type: whether it does so above.
template <typename T>
std::variant<T, bool> whole_limit(const ExactNumber& limit, bool is_lower) {
  if (limit.integer && std::in_range<T>(*limit.integer)) return static_cast<T>(*limit.integer);
  const double rounded = is_lower ? std::ceil(limit.value) : std::floor(limit.value);
  constexpr double kEnd = std::is_signed_v<T> ? 0x1p63 : 0x1p64;
  if (rounded >= kEnd) return true;
  if (rounded < (std::is_signed_v<T> ? -kEnd : 0)) return false;
  return static_cast<T>(rounded);
}

// Whether elements are on the right side of a limit; exact.
template <typename T>
Expr within_whole(const Expr& wide, const ExactNumber& limit, bool is_lower) {
  const std::variant<T, bool> whole = whole_limit<T>(limit, is_lower);
  if (const bool* is_above = std::get_if<bool>(&whole)) return always(wide, *is_above != is_lower);
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &std::get<T>(whole), sizeof(T));
  const Expr bound = literal({wide.dtype(), {}}, std::move(bytes));
  return is_lower ? map(operation("less_equal"), {bound, wide}) : map(operation("less_equal"), {wide, bound});
}

Expr within(const Expr& expr, const ExactNumber& limit, bool is_lower) {
  if (expr.dtype() == DType::U64) return within_whole<std::uint64_t>(expr, limit, is_lower);
  if (expr.dtype() == DType::I64) return within_whole<std::int64_t>(expr, limit, is_lower);
  const Expr wide = cast(expr, DType::F64), bound = constant(limit.value);
  return is_lower ? map(operation("less_equal"), {bound, wide}) : map(operation("less_equal"), {wide, bound});
}

CheckPtr range(const RangeSpec& spec, const FoundTensor& tensor) {
  Expr good;
  if (spec.min) good = within(tensor.expr, *spec.min, true);
  if (spec.max) {
    const Expr below = within(tensor.expr, *spec.max, false);
    good = good ? map(operation("and"), {good, below}) : below;
  }
  return every_element({good, fmt::format("{} is not {}", tensor.label(), range_text(spec)), "lies outside",
                        "lie outside", {tensor.expr}});
}

CheckPtr sum(const SumSpec& spec, const FoundTensor& tensor) {
  const bool is_wide = is_floating(tensor.expr.dtype());
  Expr total = reduce(reducer("sum"), {is_wide ? cast(tensor.expr, DType::F64) : tensor.expr});
  if (tensor.expr.dtype() == DType::U64) total = cast(total, DType::U64);
  const auto judge = [spec, label = tensor.label()](std::span<const Number> values, const Measure&) {
    return Verdict{spec.allows(values[0], *spec.is), fmt::format("the sum of {} is {}, expected {}", label,
                                                                text_of(values[0]), expected_text(*spec.is, spec))};
  };
  return make_check(checks::Measured{{std::move(total)}, judge});
}

std::string expected_norm(const NormSpec& spec) {
  if (spec.is) return expected_text(*spec.is, spec);
  if (!spec.max) return ">= " + python_float(*spec.min);
  if (!spec.min) return "<= " + python_float(*spec.max);
  return fmt::format(">= {} and <= {}", python_float(*spec.min), python_float(*spec.max));
}

bool allows(const NormSpec& spec, const Number& norm) {
  const double value = double_of(norm);
  return (!spec.is || spec.allows(norm, *spec.is)) && (!spec.min || value >= *spec.min) &&
         (!spec.max || value <= *spec.max);
}

CheckPtr norm(const NormSpec& spec, const FoundTensor& tensor) {
  const Expr size = reduce(reducer("norm"), {cast(tensor.expr, DType::F64)}, {}, false, {.numbers = {spec.p}});
  const auto judge = [spec, label = tensor.label()](std::span<const Number> values, const Measure&) {
    return Verdict{allows(spec, values[0]), fmt::format("the norm (p = {}) of {} is {}, expected {}", spec.p, label,
                                                        text_of(values[0]), expected_norm(spec))};
  };
  return make_check(checks::Measured{{size}, judge});
}

CheckPtr unique(const FoundTensor& tensor) {
  if (!is_integer(tensor.expr.dtype())) {
    return make_check(checks::Mistake{
        Error(ErrorCode::plan, fmt::format("{}: unique is defined for integer dtypes, not for {}", tensor.label(),
                                           to_string(tensor.expr.dtype())))});
  }
  const auto reason = [label = tensor.label(), shape = tensor.expr.shape()](const Number& value, std::int64_t first,
                                                                            std::int64_t second) {
    return fmt::format("the elements of {} are not unique: {} is at {} and at {}", label, text_of(value),
                       index_text(shape, first), index_text(shape, second));
  };
  if (element_count(tensor.expr.shape()) < 2) return decided(true, "");
  return make_check(checks::DistinctValues{tensor.expr, reason});
}

void add_finite(PredicateRegistry& registry) {
  SchemaBuilder<FiniteSpec> schema(
      "finite", {"No element of any match is NaN or infinite.",
                 "Integers and bools are finite. A failure names how many elements are not, and the first of them. "
                 "Counts one read of each match.",
                 "assert: {finite: '.+'}"});
  schema.called_elsewhere({"isfinite", "is_finite", "no_nan", "isnan", "is_nan", "nan", "no_inf", "isinf"});
  schema.reference(&FiniteSpec::of, "of", roles::source()).doc("The reference.");
  schema.shorthand("of");
  registry.add(make_predicate<FiniteSpec>(schema, [](const FiniteSpec& spec, NameScope& names) {
    return for_every_number("finite", spec.of, names, finite);
  }));
}

void add_range(PredicateRegistry& registry) {
  SchemaBuilder<RangeSpec> schema(
      "range", {"Every element of every match lies between two limits, or beyond one.",
                "Limits belong to the range; they are not rounded to the dtype. NaN lies in no range. A failure "
                "names how "
                "many elements lie outside, and the first of them. Counts one read of each match.",
                "assert: {range: {of: 'h\\..+\\.weight', min: -10, max: 10}}"});
  schema.called_elsewhere({"between", "within", "bounds", "limits", "minmax", "min", "max"});
  schema.reference(&RangeSpec::of, "of", roles::source()).doc("The reference.");
  schema.field(&RangeSpec::min, "min").doc("The smallest value allowed; no limit if absent.");
  schema.field(&RangeSpec::max, "max").doc("The largest value allowed; no limit if absent.");
  schema.needs_one_of({"min", "max"});
  schema.check([](const RangeSpec& spec) -> std::optional<FieldProblem> {
    if ((spec.min && std::isnan(spec.min->value)) || (spec.max && std::isnan(spec.max->value)))
      return FieldProblem{"", "min and max must not be nan"};
    if (spec.min && spec.max && spec.min->value > spec.max->value)
      return FieldProblem{"", fmt::format("min {} exceeds max {}", limit_text(*spec.min), limit_text(*spec.max))};
    return std::nullopt;
  });
  registry.add(make_predicate<RangeSpec>(schema, [](const RangeSpec& spec, NameScope& names) {
    return for_every_number("range", spec.of, names,
                            [&spec](const FoundTensor& tensor) { return range(spec, tensor); });
  }));
}

void add_sum(PredicateRegistry& registry) {
  SchemaBuilder<SumSpec> schema(
      "sum", {"The elements of every match add up to a number.",
              "Floats are added in float64; integers exactly, modulo 2^64; of a bool tensor it is the number of true "
              "elements. Of no elements it is 0. Without a tolerance the sum is exactly `is`, else |sum - is| <= eps + "
              "rtol * |is|. Counts one read of each match.",
              "assert: {sum: {of: 'h\\.\\d+\\.ln_1\\.bias', is: 0, eps: 1.0}}"});
  schema.called_elsewhere({"total", "adds_up_to"});
  schema.reference(&SumSpec::of, "of", roles::source()).doc("The reference.");
  schema.field(&SumSpec::is, "is").require().doc("The sum.");
  add_tolerance_fields(schema, kEps, kRtol);
  schema.check([](const SumSpec& spec) { return problem_of(spec); });
  registry.add(make_predicate<SumSpec>(schema, [](const SumSpec& spec, NameScope& names) {
    return for_every_number("sum", spec.of, names, [&spec](const FoundTensor& tensor) { return sum(spec, tensor); });
  }));
}

void add_norm(PredicateRegistry& registry) {
  SchemaBuilder<NormSpec> schema(
      "norm", {"The norm of every match is a number, or lies between limits.",
               "In float64, of all elements as one vector: the sum of magnitudes (p = 1), the root of the sum of "
               "squares "
               "(p = 2) or the largest magnitude (p = .inf). NaN as soon as one element is, and then nothing holds. "
               "With a tolerance |norm - is| <= eps + rtol * |is|. Counts one read of each match.",
               "assert: {norm: {of: 'wte\\.weight', min: 0.1, max: 1000}}"});
  schema.called_elsewhere({"magnitude", "length", "l2", "l1"});
  schema.reference(&NormSpec::of, "of", roles::source()).doc("The reference.");
  schema.field(&NormSpec::p, "p").defaults_to("2").doc("1, 2 or .inf.");
  schema.field(&NormSpec::is, "is").doc("The norm.");
  schema.field(&NormSpec::min, "min").doc("The smallest norm allowed.");
  schema.field(&NormSpec::max, "max").doc("The largest norm allowed.");
  add_tolerance_fields(schema, kEps, kRtol);
  schema.needs_one_of({"is", "min", "max"});
  schema.check([](const NormSpec& spec) -> std::optional<FieldProblem> {
    if (spec.p != 1 && spec.p != 2 && !(std::isinf(spec.p) && spec.p > 0))
      return FieldProblem{"p", fmt::format("must be 1, 2 or .inf, found {}", python_float(spec.p))};
    if (const auto problem = problem_of(spec)) return problem;
    if (spec.is_given() && !spec.is) return FieldProblem{spec.eps ? "eps" : "rtol", "needs `is`"};
    if (spec.is && (spec.min || spec.max)) return FieldProblem{"is", "excludes min and max"};
    if (spec.min && spec.max && *spec.min > *spec.max) {
      return FieldProblem{"", fmt::format("min {} exceeds max {}", python_float(*spec.min), python_float(*spec.max))};
    }
    return std::nullopt;
  });
  registry.add(make_predicate<NormSpec>(schema, [](const NormSpec& spec, NameScope& names) {
    return for_every_number("norm", spec.of, names, [&spec](const FoundTensor& tensor) { return norm(spec, tensor); });
  }));
}

void add_unique(PredicateRegistry& registry) {
  SchemaBuilder<UniqueSpec> schema(
      "unique", {"No two elements of a match are equal.",
                 "For integer dtypes: lists of indices. A failure names the first element that was there before. "
                 "Memory "
                 "is bounded: tensors of many millions of elements are read several times. Counts one read of "
                 "each match.",
                 "assert: {unique: 'kept'}",
                 "- zeroes: {target: 'kept', shape: [3], dtype: int64}\n"
                 "- fill_: {target: 'kept', mode: tensor, values: [0, 2, 5]}"});
  schema.called_elsewhere({"distinct", "no_duplicates", "permutation", "all_different"});
  schema.reference(&UniqueSpec::of, "of", roles::source()).doc("The reference.");
  schema.shorthand("of");
  registry.add(make_predicate<UniqueSpec>(schema, [](const UniqueSpec& spec, NameScope& names) {
    return for_every_number("unique", spec.of, names, unique);
  }));
}

}  // namespace

void add_measures(PredicateRegistry& registry) {
  add_finite(registry);
  add_range(registry);
  add_sum(registry);
  add_norm(registry);
  add_unique(registry);
}

}  // namespace brainsurgery
