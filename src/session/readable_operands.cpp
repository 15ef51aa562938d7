#include "session/readable_operands.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "graph/visitor.h"
#include "session/model.h"

namespace brainsurgery {
namespace {

bool is_view(const Expr& expr) {
  return as<nodes::Slice>(expr) != nullptr || as<nodes::Permute>(expr) != nullptr ||
         as<nodes::Reshape>(expr) != nullptr || as<nodes::Concat>(expr) != nullptr;
}

// The first tensor below the views of `expr` for which `is_wanted` holds; an empty Expr: none.
template <typename Wanted>
Expr find_below_views(const Expr& expr, const Wanted& is_wanted) {
  if (!is_view(expr)) return is_wanted(expr) ? expr : Expr();
  std::vector<Expr> open{expr};
  std::unordered_set<const Node*> seen;
  while (!open.empty()) {
    const Expr at = std::move(open.back());
    open.pop_back();
    if (!seen.insert(at.get()).second) continue;
    if (is_view(at)) {
      std::ranges::move(operands(at.node()), std::back_inserter(open));
    } else if (is_wanted(at)) {
      return at;
    }
  }
  return Expr();
}

const BlockCode* undecodable(const Expr& expr) {
  const auto* source = as<nodes::Source>(expr);
  const BlockCode* code = source == nullptr ? nullptr : source->file->blocks();
  return code != nullptr && !code->unreadable.empty() ? code : nullptr;
}

// Views keep blocks as they are, so that others can undo them; what computes needs the elements.
void require_decodable(const Row& row, const std::vector<Expr>& results) {
  const auto is_computed = [](const Expr& expr) { return expr.node().depth() > 1; };
  for (const std::vector<Operand>& operands : row.operands) {
    for (const Operand& operand : operands) {
      const Expr found = operand.expr ? find_below_views(operand.expr, undecodable) : Expr();
      if (!found) continue;
      const auto computes = [&](const Expr& result) { return result && find_below_views(result, is_computed); };
      if (std::ranges::any_of(results, computes))
        throw Error(ErrorCode::plan, undecodable(found)->unreadable);
    }
  }
}

// A tensor whose elements cannot be read may get another name and nothing else.
bool only_passes_on(const Row& row, const std::vector<Expr>& results) {
  const auto is_operand = [&row](const Expr& result) {
    return !result || std::ranges::any_of(row.operands, [&result](const std::vector<Operand>& operands) {
      return std::ranges::find(operands, result, &Operand::expr) != operands.end();
    });
  };
  return std::ranges::all_of(results, is_operand);
}

}  // namespace

void require_readable(const std::string& step, const Row& row) {
  for (const std::vector<Operand>& operands : row.operands) {
    for (const auto& [alias, name, expr] : operands) {
      if (expr && !is_readable(expr)) require_readable(expr, step + ": " + label_of(alias, name));
    }
  }
}

void require_usable(const std::string& step, const Row& row, const std::vector<Expr>& results) {
  if (!only_passes_on(row, results)) require_readable(step, row);
  require_decodable(row, results);
}

}  // namespace brainsurgery
