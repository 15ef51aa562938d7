// Performs an edit: finds its rows, makes the new tensors of each and puts them under their names.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/step.h"
#include "session/account.h"
#include "session/mistakes.h"
#include "session/model_changes.h"
#include "session/models.h"
#include "session/row_finder.h"

namespace brainsurgery {

class EditBinder {
 public:
  // Everything is kept by reference. For one step.
  EditBinder(const Edit& edit, StepBinding& step, Models& models, Mistakes& mistakes, StepNames& names,
             const MissingNames& missing, ModelChanges& changes, RowFinder& finder)
      : edit_(edit),
        step_(step),
        models_(models),
        mistakes_(mistakes),
        names_(names),
        missing_(missing),
        changes_(changes),
        finder_(finder) {}

  // Mistakes are reported.
  void bind(const std::vector<StepPartPtr>& parts);

 private:
  void perform(const std::vector<StepPartPtr>& parts);
  void begin_models(const std::vector<StepPartPtr>& parts);
  void contribute(const std::vector<StepPartPtr>& parts);
  void distrust_results(const std::vector<StepPartPtr>& parts);
  void exchange_names(const std::vector<ResolvedRow>& rows);

  void apply(const ResolvedRow& row);
  [[nodiscard]] Row operands_of(const ResolvedRow& row);
  [[nodiscard]] std::optional<TensorDesc> before_write(const ResolvedRow& row, std::size_t number);
  [[nodiscard]] std::vector<Expr> lowered(const ResolvedRow& resolved, const Row& row) const;
  [[nodiscard]] Error mistake_in(const ResolvedRow& resolved, const Row& row, const Error& error) const;
  void remember_seed(const ResolvedRow& row, std::uint64_t seed);

  void print_account(const std::vector<StepPartPtr>& parts);
  void announce(const ResolvedRow& row);
  void warn_of_groups(const StepPart& part) const;
  void warn_of_sources(const std::vector<StepPartPtr>& parts) const;
  void warn_once(const SourceSpan& place, std::string message);

  const Edit& edit_;
  StepBinding& step_;
  Models& models_;
  Mistakes& mistakes_;
  StepNames& names_;
  const MissingNames& missing_;
  ModelChanges& changes_;
  RowFinder& finder_;
  std::vector<Operand> sources_;           // the first operand of each row, where the edit may warn of them
  std::set<std::pair<int, int>> warned_;   // lines and columns, of warnings by rows
  Account account_;
};

}  // namespace brainsurgery
