// exists, count: whether names are there.
#include <fmt/format.h>

#include "predicates/families.h"

namespace brainsurgery {
namespace {

struct ExistsSpec {
  TensorRef of;
};

struct CountSpec {
  TensorRef of;
  std::int64_t is = 0;
};

}  // namespace

void add_presence(PredicateRegistry& registry) {
  SchemaBuilder<ExistsSpec> exists("exists",
                                   {"At least one tensor matches.", "The payload is the reference. Counts no read.",
                                    "assert: {exists: 'wte.weight'}"});
  exists.called_elsewhere({"exist", "present", "has", "contains"});
  exists.reference(&ExistsSpec::of, "of", roles::source()).doc("The reference.");
  exists.shorthand("of", true);
  registry.add(make_predicate<ExistsSpec>(exists, [](const ExistsSpec& spec, NameScope& names) {
    return decided(names.count_matches(spec.of) > 0, fmt::format("no tensor matches {}", names.describe(spec.of)));
  }));

  SchemaBuilder<CountSpec> count("count", {"The given number of tensors match.", "Zero is allowed. Counts no read.",
                                           "assert: {count: {of: 'h\\.0\\..+', is: 12}}"});
  count.called_elsewhere({"len", "num", "number"});
  count.reference(&CountSpec::of, "of", roles::source()).doc("The reference.");
  count.field(&CountSpec::is, "is").require().doc("The number of matches.");
  count.check([](const CountSpec& spec) -> std::optional<FieldProblem> {
    if (spec.is < 0) return FieldProblem{"is", fmt::format("must not be negative, found {}", spec.is)};
    return std::nullopt;
  });
  registry.add(make_predicate<CountSpec>(count, [](const CountSpec& spec, NameScope& names) {
    const std::int64_t found = names.count_matches(spec.of);
    return decided(found == spec.is,
                   fmt::format("{} tensors match {}, expected {}", found, names.describe(spec.of), spec.is));
  }));
}

}  // namespace brainsurgery
