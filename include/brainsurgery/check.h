// What an assertion amounts to once its names are bound: a tree of conditions, some decided from headers, some waiting
// for data.
//
//   CheckPtr equal = make_check(equal_values(a, b, std::nullopt, "a and b differ"));    // graph/conditions.h
//   CheckPtr both = make_check(checks::AllOf{{make_check(checks::Decided{true, ""}), equal}});
//   std::optional<Verdict> early = decide(*both);     // nullopt: data is needed
//
// Immutable; may be shared between threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/error.h"
#include "brainsurgery/expr.h"
#include "brainsurgery/values.h"

namespace brainsurgery {

struct Check;
using CheckPtr = std::shared_ptr<const Check>;

struct Verdict {
  bool pass = false;
  std::string reason;  // of a failure
};

// Makes the elements of tensors that have one each, in one pass over what they are made from.
using Measure = std::function<std::vector<Number>(const std::vector<Expr>& numbers)>;

// The conditions. `reason` is the message of its failure.
namespace checks {
struct Decided {
  bool pass;
  std::string reason;
};
struct Mistake {  // cannot be evaluated: thrown when it is reached
  Error error;
};
struct Measured {  // judged by a few numbers that are made of tensors
  std::vector<Expr> numbers;  // of one element each
  // `more`: for what only the message of a failure needs, in another pass.
  std::function<Verdict(std::span<const Number> values, const Measure& more)> judge;
};
struct DistinctValues {  // no two elements of an integer tensor are equal
  Expr a;
  // `value`: of elements number `first` and `second`, the first that was there before.
  std::function<std::string(const Number& value, std::int64_t first, std::int64_t second)> reason;
};
struct AllOf {  // left to right; the first failure is the reason
  std::vector<CheckPtr> parts;
};
struct AnyOf {  // left to right; all reasons, one a line
  std::vector<CheckPtr> parts;
};
struct Not {
  CheckPtr part;
  std::string reason;
};
}  // namespace checks

struct Check {
  std::variant<checks::Decided, checks::Mistake, checks::Measured, checks::DistinctValues, checks::AllOf, checks::AnyOf,
               checks::Not>
      kind;
};

[[nodiscard]] CheckPtr make_check(decltype(Check::kind) kind);

// Answers the conditions that need data. nullopt leaves one open.
class DataOracle {
 public:
  virtual ~DataOracle() = default;
  [[nodiscard]] virtual std::optional<Verdict> verdict(const checks::Measured& check) = 0;
  [[nodiscard]] virtual std::optional<Verdict> verdict(const checks::DistinctValues& check) = 0;
};

// The verdict, or nullopt where it depends on a condition that the oracle leaves open. Operands are looked at from left
// to right and only as far as needed. Throws the Error of a Mistake that is reached.
[[nodiscard]] std::optional<Verdict> evaluate(const Check& check, DataOracle& oracle);
// What headers alone decide.
[[nodiscard]] std::optional<Verdict> decide(const Check& check);
// Whether the verdict is a failure whatever the oracle leaves open.
[[nodiscard]] bool fails_anyhow(const Check& check, DataOracle& oracle);

// The conditions of the tree that need data, whether they will be reached or not; `required`: the verdict is a failure
// if the condition fails.
struct OpenCondition {
  std::variant<const checks::Measured*, const checks::DistinctValues*> condition;
  bool required;
};
[[nodiscard]] std::vector<OpenCondition> open_conditions(const Check& check);

}  // namespace brainsurgery
