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
#include "brainsurgery/workspace.h"
#include "plan/schema.h"

namespace brainsurgery {

// A tensor that a reference selected. `expr` is the sliced part where the reference has a slice.
struct FoundTensor {
  std::string alias;
  std::string name;
  Expr expr;
  AccessCounts counts;
  std::string slice;  // as written; empty without one

  [[nodiscard]] std::string label() const { return alias + "::" + name + (slice.empty() ? "" : "::" + slice); }
};

// The names of the workspace as an assertion or a report sees them.
class NameScope {
 public:
  virtual ~NameScope() = default;
  // What the pattern matches, in sorted order; may be nothing.
  [[nodiscard]] virtual std::vector<FoundTensor> select(const TensorRef& ref) = 0;
  // How many that are.
  [[nodiscard]] virtual std::int64_t count_matches(const TensorRef& ref) = 0;
  // For each match of `pattern` the tensor that `derived` names, which may not exist: then it has no expr.
  [[nodiscard]] virtual std::vector<std::pair<FoundTensor, FoundTensor>> select_pairs(const TensorRef& pattern,
                                                                                      const TensorRef& derived) = 0;
  // "model::expr"
  [[nodiscard]] virtual std::string describe(const TensorRef& ref) const = 0;
  // The mistake of a reference that matches nothing.
  [[nodiscard]] virtual Error no_match(const TensorRef& ref) const = 0;
  // The mistake of a name that does not exist: one from select_pairs.
  [[nodiscard]] virtual Error missing(const TensorRef& derived, const FoundTensor& tensor) const = 0;
  // Gives the counts after it.
  virtual AccessCounts count_read(const FoundTensor& tensor) = 0;
};

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

inline constexpr const char* kAssert = "assert";  // the step whose payload is an operator

// How that step describes itself.
[[nodiscard]] Schema assertion_schema();

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
