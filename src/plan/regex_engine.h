// A regular expression of Python's kind, ready to match whole texts. The only user of RE2 and PCRE2.
//
//   RegexEngine engine("h\\.(\\d+)\\.w");
//   engine.match("h.3.w");      // {"h.3.w", "3"}
//
// Literals and dots are compared byte by byte, with one `.*` among them too; regular expressions proper run in RE2, the
// rest in PCRE2. Empty texts and those with anything but printable ASCII go to PCRE2 whatever the pattern: only there
// classes and anchors can be written as Python understands them, as do texts and expressions so large that RE2
// would take long. What a search of PCRE2 takes is spent from the budget that it is given; RE2's is linear.
// May be used from several threads.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "plan/captures.h"
#include "plan/match_budget.h"
#include "plan/python_regex.h"

namespace re2 {
class RE2;
}

namespace brainsurgery {

class Pcre2;

class RegexEngine {
 public:
  // Throws Error(plan) without a place, naming the reason only.
  explicit RegexEngine(std::string_view pattern);
  ~RegexEngine();
  RegexEngine(const RegexEngine&) = delete;
  RegexEngine& operator=(const RegexEngine&) = delete;

  // Throw Error(run) where the budget is spent or PCRE2 reaches its limits.
  [[nodiscard]] bool matches(std::string_view text, MatchBudget& budget) const;
  [[nodiscard]] std::optional<Captures> match(std::string_view text, MatchBudget& budget) const;

  [[nodiscard]] const PythonRegex& regex() const { return regex_; }
  [[nodiscard]] bool backtracks() const { return re2_ == nullptr && !is_plain(); }

 private:
  [[nodiscard]] bool is_plain() const { return regex_.head_is_all || regex_.gap; }
  [[nodiscard]] bool runs_in_re2(std::string_view text) const;
  [[nodiscard]] const Pcre2& pcre2() const;  // compiled when it is first needed

  PythonRegex regex_;
  std::unique_ptr<const re2::RE2> re2_;
  mutable std::once_flag compile_pcre2_;
  mutable std::unique_ptr<const Pcre2> pcre2_;
};

}  // namespace brainsurgery
