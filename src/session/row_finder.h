// Finds what an edit is done with: the matches of its first reference, grouped to rows, and the names that the other
// references have in each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "session/late_parts.h"
#include "session/match_scope.h"
#include "session/missing_names.h"
#include "session/row_groups.h"
#include "session/step_names.h"
#include "session/step_rows.h"

namespace brainsurgery {

class RowFinder {
 public:
  // Everything is kept by reference.
  RowFinder(StepBinding& step, StepNames& names, const MissingNames& missing, const LateParts& late)
      : step_(step), names_(names), missing_(missing), late_(late) {}

  // A row for each match of the first reference, for each group of them, or one row where no reference leads to several
  // tensors. Rows refer to parts, which live as long as the finder. Throws Error(plan).
  [[nodiscard]] std::vector<ResolvedRow> rows(const StepPart& part);
  // What open parts became.
  [[nodiscard]] const std::vector<StepPartPtr>& closed() const { return closed_; }

 private:
  using ClosedParts = std::map<std::string, StepPartPtr>;  // of an open part, by the values of its names

  [[nodiscard]] std::vector<ResolvedRow> rows_of_matches(const StepPart& part);
  [[nodiscard]] bool selects(const StepPart& part, const MatchScope& match);
  [[nodiscard]] const StepPart& closed_part(const StepPart& open, const MatchScope& match, const Captures& captures,
                                            ClosedParts& closed) const;
  [[nodiscard]] ResolvedRow single_row(const StepPart& part);
  [[nodiscard]] ResolvedRow row_of(const StepPart& part, const std::string& name, const Captures& captures);
  // The names of a match but that of the first reference.
  [[nodiscard]] ResolvedRow results_of(const StepPart& part, const Captures& captures);
  [[nodiscard]] std::string name_of(const PreparedRef& ref, const Captures& captures);
  [[nodiscard]] std::string single_match(const PreparedRef& ref);
  // One name for each tensor that the first is cut into, with its number in the place of the name that counts them.
  void add_counted(const StepPart& part, const PreparedRef& ref, const Captures& captures, ResolvedRow& row);
  [[nodiscard]] std::size_t count_results(const StepPart& part, const PreparedRef& ref, const ResolvedName& from);

  StepBinding& step_;
  StepNames& names_;
  const MissingNames& missing_;
  const LateParts& late_;
  std::vector<StepPartPtr> closed_;
  std::map<const PreparedRef*, std::vector<std::string>> counted_;  // references with a number for the name
};

}  // namespace brainsurgery
