// reads, writes: how often the plan used a tensor so far.
#include <fmt/format.h>

#include "predicates/bounds.h"
#include "predicates/families.h"

namespace brainsurgery {
namespace {

struct AccessSpec : Bounds {
  TensorRef of;
};

Predicate counter(const std::string& name, std::int64_t AccessCounts::*count, std::string summary) {
  SchemaBuilder<AccessSpec> schema(name,
                                   {std::move(summary),
                                    "Loading or creating a tensor is its first write. The page of a step says "
                                    "what it counts; assertions count one read of each tensor that they check, except "
                                    "exists, count and this one. A dry run counts nothing.",
                                    fmt::format("assert: {{{}: {{of: 'wte.weight', at_least: 1}}}}", name),
                                    "- copy: {from: 'wte.weight', to: 'lm_head.weight'}"});
  schema.reference(&AccessSpec::of, "of", roles::source()).doc("The reference.");
  add_bounds_fields(schema, true);
  return make_predicate<AccessSpec>(schema, [name, count](const AccessSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, false, [&](const FoundTensor& tensor) {
      const std::int64_t value = tensor.counts.*count;
      return decided(spec.holds(value), [&] {
        return fmt::format("{}: {} is {}, expected {}", tensor.label(), name, value, to_string(spec));
      });
    });
  });
}

}  // namespace

void add_access(PredicateRegistry& registry) {
  registry.add(counter("reads", &AccessCounts::reads, "Every match was read the given number of times."));
  registry.add(counter("writes", &AccessCounts::writes, "Every match was written the given number of times."));
}

}  // namespace brainsurgery
