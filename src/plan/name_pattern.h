// Which tensor names a reference selects, and what its destination is called.
//
//   NamePattern from = NamePattern::compile(ref, "copy.from");          // h\.(\d+)\.w   or   [h, $i, w]
//   NameTemplate to = NameTemplate::compile(to_ref, from, "copy.to");   // g.\1          or   [g, $i]
//   if (std::optional<Captures> captures = from.match("h.3.w")) to.expand(*captures);   // "g.3"
//
// A text is a regular expression of Python's `re` that must match the whole name; a list is matched segment by segment
// (`$x`, `*xs`, `~REGEX`, `~x,y::REGEX`, literals). The only user of RE2 and PCRE2: regular patterns run in RE2 in
// linear time, what is beyond it (look-around, back-references, ...) in PCRE2 under limits.
//
// Looking up a pattern in sorted names without visiting all of them:
//
//   MatchBudget budget;
//   auto it = names.lower_bound(pattern.literal_prefix());
//   while (it != names.end()) {
//     if (pattern.match(*it, budget)) use(*it);
//     NamePattern::Next next = pattern.next(*it);
//     if (next.where == NamePattern::Next::Where::end) break;
//     it = next.where == NamePattern::Next::Where::seek ? names.lower_bound(next.key) : std::next(it);
//   }
//
// Both types are immutable handles, cheap to copy, and may be used from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/captures.h"
#include "plan/match_budget.h"
#include "brainsurgery/tensor_ref.h"

namespace brainsurgery {

class NamePattern {
 public:
  // Throws Error(plan) at the reference's place: what Python's `re` refuses, bad tokens; the message has the pattern.
  [[nodiscard]] static NamePattern compile(const TensorRef& ref, std::string_view field);
  // A bare regular expression (filters of front ends).
  [[nodiscard]] static NamePattern compile_regex(std::string_view regex, std::string_view field);

  // Throws Error(run) where the budget is spent, and Error(plan) where a bound group of a segment's regex did not take
  // part.
  [[nodiscard]] std::optional<Captures> match(std::string_view name, MatchBudget& budget) const;
  // For one name alone.
  [[nodiscard]] std::optional<Captures> match(std::string_view name) const;
  // Faster: no captures.
  [[nodiscard]] bool matches(std::string_view name, MatchBudget& budget) const;

  // Every matching name starts with it. An unescaped dot is a wildcard: the prefix of "h.0.w" is "h".
  [[nodiscard]] const std::string& literal_prefix() const;
  // Exactly one name can match, literal_prefix(), and there are no captures.
  [[nodiscard]] bool is_literal() const;
  // Where matching names may follow `name` in byte order: at its successor, at the first name not below `key`, nowhere.
  // Sees through wildcards: "h.0.w" finds h.0.w among a million names in a few steps.
  struct Next {
    enum class Where : std::uint8_t { successor, seek, end };
    Where where = Where::successor;
    std::string key;  // Where::seek; greater than the name given
  };
  [[nodiscard]] Next next(std::string_view name) const;

  [[nodiscard]] bool structured() const;
  [[nodiscard]] const std::string& text() const;  // as in messages: the expression, or "[a, $b]"
  // Names of what can be captured (named groups, or variables), in order; for completion and messages.
  [[nodiscard]] std::vector<std::string> capture_names() const;
  // The same with their places in Captures.
  [[nodiscard]] std::vector<std::pair<std::string, std::size_t>> named_captures() const;
  // How many Captures there are behind that of the whole name.
  [[nodiscard]] std::size_t capture_count() const;
  // True where RE2 alone cannot decide: for explain and tests.
  [[nodiscard]] bool backtracks() const;

  class Impl;

 private:
  friend class NameTemplate;
  explicit NamePattern(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// The pattern, or the template, that stands for exactly this name.
[[nodiscard]] std::string literal_pattern(std::string_view name);
[[nodiscard]] std::string literal_template(std::string_view name);

// The name that a match leads to. Expands the full match: \1..\99, \g<n>, \g<name>, \\, \n, \t; a backslash before
// punctuation gives that character. For lists `$x`, `${x}` (also `\${x}`) anywhere in a segment, `*xs`.
class NameTemplate {
 public:
  // Throws Error(plan): `to` and `of` not both text or both lists, unknown group or variable, a sequence used as a
  // scalar or the reverse, a backslash before another letter.
  [[nodiscard]] static NameTemplate compile(const TensorRef& to, const NamePattern& of, std::string_view field);

  // `captures` must come from the pattern that the template was compiled for, by a match within `budget`, which pays for
  // the name's length too. A group that took no part is empty.
  [[nodiscard]] std::string expand(const Captures& captures, MatchBudget& budget) const;
  [[nodiscard]] std::string expand(const Captures& captures) const;
  // Whether the capture of that index is a part of the name.
  [[nodiscard]] bool uses(std::size_t capture) const;
  // The same name for every match.
  [[nodiscard]] bool is_constant() const;

  // Text, then the capture of that index.
  struct Part {
    std::string literal;
    std::int32_t capture = -1;    // none
    bool starts_segment = false;  // of a list: a dot goes before it, unless it is the first or a sequence of nothing
  };

 private:
  explicit NameTemplate(std::vector<Part> parts);
  std::shared_ptr<const std::vector<Part>> parts_;
};

}  // namespace brainsurgery
