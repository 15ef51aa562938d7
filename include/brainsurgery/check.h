// What an assertion amounts to once its names are bound: a tree of conditions, some decided from headers, some waiting
// for data.
//
//   CheckPtr equal = make_check(checks::EqualValues{a, b, std::nullopt, "a and b differ"});
//   CheckPtr both = make_check(checks::AllOf{{make_check(checks::Decided{true, ""}), equal}});
//   std::optional<Verdict> early = decide(*both);     // nullopt: data is needed
//
// Immutable; may be shared between threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/error.h"
#include "brainsurgery/expr.h"

namespace brainsurgery {

struct Check;
using CheckPtr = std::shared_ptr<const Check>;

struct Verdict {
  bool pass = false;
  std::string reason;  // of a failure
};

// The conditions. `reason` is the message of its failure.
namespace checks {
struct Decided {
  bool pass;
  std::string reason;
};
struct Mistake {  // cannot be evaluated: thrown when it is reached
  Error error;
};
struct EqualValues {  // a, b: one shape and dtype. Bitwise equality of values, or |a - b| <= eps everywhere
  Expr a, b;
  std::optional<double> eps;
  std::string reason;
};
struct SmallValues {  // |a| <= eps everywhere
  Expr a;
  double eps;
  std::string reason;
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
  std::variant<checks::Decided, checks::Mistake, checks::EqualValues, checks::SmallValues, checks::AllOf, checks::AnyOf,
               checks::Not>
      kind;
};

[[nodiscard]] CheckPtr make_check(decltype(Check::kind) kind);

// Answers the conditions that need data: true when it holds.
class DataOracle {
 public:
  virtual ~DataOracle() = default;
  [[nodiscard]] virtual std::optional<bool> holds(const checks::EqualValues& check) = 0;
  [[nodiscard]] virtual std::optional<bool> holds(const checks::SmallValues& check) = 0;
};

// The verdict, or nullopt where it depends on a condition that the oracle leaves open. Operands are looked at from left
// to right and only as far as needed. Throws the Error of a Mistake that is reached.
[[nodiscard]] std::optional<Verdict> evaluate(const Check& check, DataOracle& oracle);
// What headers alone decide.
[[nodiscard]] std::optional<Verdict> decide(const Check& check);

}  // namespace brainsurgery
