#include "session/missing_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/interrupt.h"
#include "base/spelling.h"
#include "plan/hints.h"
#include "plan/match_names.h"
#include "recipes/likeness.h"
#include "session/model.h"

namespace brainsurgery {
namespace {

// So many mistakes are explained by trying patterns, which takes a while over 100,000 names.
constexpr int kExplained = 8;

}  // namespace

Error MissingNames::no_match(const std::string& where, const std::string& alias, const TensorRef& ref) const {
  const StateDict* names = workspace_.find(alias);
  const std::string place = names == nullptr || names->path().empty() ? "" : fmt::format(" in '{}'", names->path());
  std::vector<std::string> notes;
  if (!ref.structured && !step_.follows_from_mistake) {
    notes = nearest(unescaped(ref.expr), alias);
    if (step_.diagnostics.error_count() < kExplained) {
      notes = unmatched_notes(ref.expr, std::move(notes),
                              [&](const std::string& regex) { return any_match(regex, alias); });
    }
  }
  if (ref.structured && !ref.expr.empty() && !step_.follows_from_mistake) notes = nearest(ref.expr, alias);
  if (names != nullptr && !step_.follows_from_mistake && step_.diagnostics.error_count() < kExplained)
    std::ranges::move(likeness(*names, alias, ref.text), std::back_inserter(notes));
  if (names != nullptr && names->names().empty()) notes.push_back(fmt::format("'{}' holds no tensor", alias));
  return Error(ErrorCode::plan,
               fmt::format("{}{}no tensor matches '{}'{}", where, where.empty() ? "" : ": ", step_.describe(ref), place),
               ref.span, std::move(notes));
}

std::vector<std::string> MissingNames::likeness(const StateDict& names, const std::string& alias,
                                                const std::string& wanted) const {
  const auto any_name = [&](const std::string& regex) { return any_match(regex, alias); };
  const auto path = [&](const std::string& regex) {
    return NamePattern::compile_regex(regex, "").match(names.path()).has_value();
  };
  return likeness_notes({any_name, path}, unescaped(wanted));
}

Error MissingNames::missing(const std::string& where, const TensorRef& ref, const std::string& alias,
                            const std::string& name) const {
  std::vector<std::string> notes = group_notes(ref);
  if (notes.empty() && !step_.follows_from_mistake) notes = nearest(name, alias);
  return Error(ErrorCode::plan, fmt::format("{}: tensor does not exist: {}", where, label_of(alias, name)), ref.span,
               std::move(notes));
}

bool MissingNames::any_match(const std::string& regex, const std::string& alias) const {
  const StateDict* names = workspace_.find(alias);
  if (names == nullptr) return false;
  try {
    const NamePattern pattern = NamePattern::compile_regex(regex, "");
    MatchBudget budget;
    return !pattern.backtracks() && any_match_in(pattern, names->names(), budget);
  } catch (const Error&) {
    throw_if_interrupted();
    return false;
  }
}

std::vector<std::string> MissingNames::nearest(const std::string& wanted, const std::string& alias) const {
  const StateDict* names = workspace_.find(alias);
  if (names == nullptr) return {};
  NearestNames near(wanted, 3);
  for (const auto& [name, tensor] : names->names()) {
    throw_if_interrupted();
    near.offer(name);
  }
  std::vector<std::string> notes;
  for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  return notes;
}

}  // namespace brainsurgery
