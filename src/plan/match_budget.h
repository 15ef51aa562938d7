// How much work the matching of one step may take, counted in steps of the engines and not in time: a plan ends in the
// same way on every machine.
//
//   MatchBudget budget;
//   for (name : names) pattern.match(name, budget);
//
// Each name gives back what an ordinary pattern needs many times over, so many names are no reason to give up. A pattern
// that tries too many ways on each of them is given up after about a second.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

class MatchBudget {
 public:
  // What is spent from now on is for this name and pattern; both must outlive the match.
  void try_name(std::string_view name, std::string_view pattern);
  // A unit is 10 to 50 ns of work. Throws Error(run) where it is not left, and once interrupted.
  void spend(std::int64_t units);
  // The same for bytes of a name that the match leads to.
  void spend_on_name(std::int64_t bytes);
  [[noreturn]] void give_up(const std::string& reason, std::vector<std::string> notes = {}) const;

 private:
  // False: it is not left.
  [[nodiscard]] bool take(std::int64_t units);

  static constexpr std::int64_t kUnits = 20'000'000;

  std::int64_t left_ = kUnits;
  std::int64_t until_look_ = 0;  // for an interruption
  std::string_view name_, pattern_;
};

}  // namespace brainsurgery
