// Comparisons of a count with limits: is, ge, gt, le, lt.
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/schema.h"

namespace brainsurgery {

struct Bounds {
  std::optional<std::int64_t> is, ge, gt, le, lt;
  std::optional<std::int64_t> at_least, at_most;  // other words for ge and le

  [[nodiscard]] bool holds(std::int64_t value) const;
};

// "exactly 2", ">= 3", "> 2 and < 3"
[[nodiscard]] std::string to_string(const Bounds& bounds);
// Negative or contradictory limits.
[[nodiscard]] std::optional<FieldProblem> problem_of_bounds(const Bounds& bounds);

template <typename Spec>
void add_bounds_fields(SchemaBuilder<Spec>& schema, bool with_words) {
  using Member = std::optional<std::int64_t> Spec::*;
  schema.field(static_cast<Member>(&Bounds::is), "is").doc("Exactly.");
  schema.field(static_cast<Member>(&Bounds::ge), "ge").doc("At least.");
  schema.field(static_cast<Member>(&Bounds::gt), "gt").doc("More than.");
  schema.field(static_cast<Member>(&Bounds::le), "le").doc("At most.");
  schema.field(static_cast<Member>(&Bounds::lt), "lt").doc("Less than.");
  if (with_words) {
    schema.field(static_cast<Member>(&Bounds::at_least), "at_least").doc("The same as ge.");
    schema.field(static_cast<Member>(&Bounds::at_most), "at_most").doc("The same as le.");
  }
  schema.needs_one_of(with_words ? std::vector<std::string>{"is", "ge", "gt", "le", "lt", "at_least", "at_most"}
                                 : std::vector<std::string>{"is", "ge", "gt", "le", "lt"});
  schema.check([](const Spec& spec) { return problem_of_bounds(spec); });
}

}  // namespace brainsurgery
