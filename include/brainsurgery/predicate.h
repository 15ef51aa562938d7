// What an assertion is made of: operators, each a schema and a function that turns names into conditions.
//
//   Predicate exists() { ...; return make_predicate<ExistsSpec>(schema, [](const ExistsSpec& spec, NameScope& names) {
//     return decided(!names.select(spec.of).empty(), "no tensor matches " + names.describe(spec.of)); }); }
//
// Adding one: a function like this in a file of this folder and a line in all_predicates.cpp.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/check.h"
#include "brainsurgery/name_scope.h"
#include "brainsurgery/schema.h"

namespace brainsurgery {

struct Predicate {
  Schema schema;
  std::function<std::shared_ptr<const void>(const YamlNode& payload, const DecodeContext& context,
                                            const std::string& path)>
      decode;
  std::function<CheckPtr(const void* spec, NameScope& names)> bind;
};

template <typename Spec>
[[nodiscard]] Predicate make_predicate(const SchemaBuilder<Spec>& builder,
                                       std::function<CheckPtr(const Spec&, NameScope&)> bind) {
  return {builder.schema(), builder.decoder(), [bind = std::move(bind)](const void* spec, NameScope& names) {
            return bind(*static_cast<const Spec*>(spec), names);
          }};
}

class PredicateRegistry {
 public:
  // Throws Error(plan) where there is one of this name.
  void add(Predicate predicate);
  [[nodiscard]] const Predicate* find(std::string_view name) const;
  [[nodiscard]] const std::vector<Predicate>& predicates() const { return predicates_; }

 private:
  std::vector<Predicate> predicates_;
};

[[nodiscard]] PredicateRegistry all_predicates();

// One operator with its decoded payload.
struct Assertion {
  const Predicate* predicate = nullptr;  // of the registry it was decoded with
  std::shared_ptr<const void> spec;

  [[nodiscard]] CheckPtr bind(NameScope& names) const { return predicate->bind(spec.get(), names); }
};

// `{operator: payload}`. nullopt after mistakes, which are reported; `path` as messages write it, "assert".
[[nodiscard]] std::optional<Assertion> decode_assertion(const YamlNode& node, const DecodeContext& context,
                                                        const std::string& path);

// Helpers of the operators.
[[nodiscard]] inline CheckPtr decided(bool pass, std::string reason) {
  return make_check(checks::Decided{pass, std::move(reason)});
}
// The same; `reason` gives the text, which takes longer than most comparisons.
template <std::invocable Reason>
[[nodiscard]] CheckPtr decided(bool pass, const Reason& reason) {
  return decided(pass, pass ? std::string() : reason());
}
// The condition of `each` on every match, which counts as a read; a Mistake where nothing matches.
[[nodiscard]] CheckPtr for_every_match(const TensorRef& ref, NameScope& names, bool counts_read,
                                       const std::function<CheckPtr(const FoundTensor&)>& each);

}  // namespace brainsurgery
