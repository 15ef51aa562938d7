// phlora, phlora_: the best approximation of a matrix by one of low rank, as two factors or in its place.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "transforms/families.h"

namespace brainsurgery {
namespace {

struct ApproximationSpec {
  TensorRef target;
  double rank = 0;
  SingularMethod method = SingularMethod::automatic;
};

struct FactorsSpec : ApproximationSpec {
  TensorRef target_a, target_b;
  bool delete_original = true;
  bool require_missing_dest = true;
};

std::optional<FieldProblem> problem_of_rank(const ApproximationSpec& spec) {
  if (spec.rank >= 1 && std::isfinite(spec.rank) && spec.rank == std::trunc(spec.rank)) return std::nullopt;
  return FieldProblem{"rank", fmt::format("must be a positive integer, found {}", spec.rank)};
}

// No matrix has a side as large as where doubles stop being integers.
LowRank factors_of(const Expr& matrix, const ApproximationSpec& spec) {
  return low_rank(matrix, static_cast<std::int64_t>(std::min(spec.rank, 0x1p53)), spec.method);
}

template <typename Spec>
void add_rank_fields(SchemaBuilder<Spec>& schema) {
  schema.field(static_cast<double Spec::*>(&ApproximationSpec::rank), "rank")
      .require()
      .doc("A positive integer; a rank above that of the matrix means all values.");
  schema.choice(static_cast<SingularMethod Spec::*>(&ApproximationSpec::method), "method", {"auto", "exact", "krylov"})
      .defaults_to("auto")
      .doc(
          "The algorithm: exact, a full decomposition; krylov, an iteration whose error exceeds the smallest possible "
          "one by a factor of at most 1 + 1e-5; auto, krylov for few values of a large matrix, else exact.");
}

Role target_role(const FactorsSpec& spec) {
  Role role = roles::taken_apart();
  role.removes = spec.delete_original;
  return role;
}

Role factor_role(const FactorsSpec& spec) {
  Role role = roles::result_beside();
  if (!spec.require_missing_dest) role.policy = Role::Policy::any;
  return role;
}

}  // namespace

void add_phlora(StepRegistry& registry) {
  SchemaBuilder<ApproximationSpec> in_place("phlora_",
                                            {"Replaces matrices by their best approximations of a given rank.",
                                             "Matrices of floating dtypes, half types included; shape and dtype stay.",
                                             "phlora_: {target: 'h\\.\\d+\\.mlp\\..+\\.weight', rank: 16}"});
  in_place.reference(&ApproximationSpec::target, "target", roles::in_place_whole()).doc("The matrices.");
  add_rank_fields(in_place);
  in_place.check(problem_of_rank);
  registry.add(make_edit<ApproximationSpec>(in_place, [](const ApproximationSpec& spec, const Row& row) {
    const Expr& matrix = row.one(0);
    const LowRank factors = factors_of(matrix, spec);
    return std::vector{cast(matmul(factors.left, factors.right), matrix.dtype())};
  }));

  SchemaBuilder<FactorsSpec> apart(
      "phlora", {"Splits matrices into two factors of low rank.",
                 "target [m, n] becomes A [r, n] and B [m, r] of the same dtype; B @ A is its best "
                 "approximation of rank r. Each factor takes the square root of every singular value.",
                 "phlora: {target: '(h\\..+\\.mlp\\..+)\\.weight', target_a: '\\1.A', target_b: '\\1.B', rank: 16}"});
  apart.called_elsewhere({"svd", "lowrank", "low_rank", "lora"});
  apart.reference(static_cast<TensorRef FactorsSpec::*>(&ApproximationSpec::target), "target", target_role)
      .doc("The matrices.");
  apart.reference(&FactorsSpec::target_a, "target_a", factor_role)
      .doc("The new name of A; without an alias, in the target's model.");
  apart.reference(&FactorsSpec::target_b, "target_b", factor_role).doc("The new name of B.");
  add_rank_fields(apart);
  apart.field(&FactorsSpec::delete_original, "delete_original")
      .defaults_to("true")
      .doc("Whether the target is removed.");
  apart.field(&FactorsSpec::require_missing_dest, "require_missing_dest")
      .defaults_to("true")
      .doc("Whether existing names are an error; false overwrites them.");
  apart.check(problem_of_rank);
  registry.add(make_edit<FactorsSpec>(apart, [](const FactorsSpec& spec, const Row& row) {
    const Expr& matrix = row.one(0);
    const LowRank factors = factors_of(matrix, spec);
    return std::vector{cast(factors.right, matrix.dtype()), cast(factors.left, matrix.dtype())};
  }));
}

}  // namespace brainsurgery
