// Where a part of a formula stands in the plan.
#include "formula/formula.h"

#include <fmt/format.h>

#include <algorithm>

namespace brainsurgery {
namespace {

// The rest of a line from a column on, both counted from 1.
std::string_view line_from(std::string_view text, int line, int column) {
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  return text.substr(std::min(text.size(), static_cast<std::size_t>(column) - 1));
}

int length_of(const TextRange& range) { return static_cast<int>(std::max(range.begin + 1, range.end) - range.begin); }

}  // namespace

SourceSpan FormulaText::span(const TextRange& range) const {
  if (place.known()) {
    std::string_view written = line_from(place.source->text, place.line, place.column);
    const bool quoted = written.starts_with('\'') || written.starts_with('"');
    if (quoted) written.remove_prefix(1);
    const auto same = std::ranges::mismatch(written, text).in2 - text.begin();
    if (std::cmp_less(range.begin, same) || (std::cmp_equal(range.begin, same) && range.begin == text.size())) {
      const int column = place.column + (quoted ? 1 : 0) + static_cast<int>(range.begin);
      return {place.source, place.line, column, length_of(range)};
    }
  }
  const std::string name = place.known() ? fmt::format("{}:{}: {}", place.source->name, place.line, field) : field;
  const std::string_view before = std::string_view(text).substr(0, range.begin);
  const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {std::make_shared<SourceText>(SourceText{name, text}), static_cast<int>(std::ranges::count(before, '\n')) + 1,
          static_cast<int>(range.begin - start) + 1, length_of(range)};
}

void FormulaText::fail(const TextRange& range, std::string_view message, std::vector<std::string> notes) const {
  throw Error(ErrorCode::plan, fmt::format("{}: {}", field, message), span(range), std::move(notes));
}

std::string_view spelling(Operator op) {
  switch (op) {
    case Operator::logical_or:
      return "or";
    case Operator::logical_and:
      return "and";
    case Operator::logical_not:
      return "not";
    case Operator::less:
      return "<";
    case Operator::less_equal:
      return "<=";
    case Operator::greater:
      return ">";
    case Operator::greater_equal:
      return ">=";
    case Operator::equal:
      return "==";
    case Operator::unequal:
      return "!=";
    case Operator::in:
      return "in";
    case Operator::not_in:
      return "not in";
    case Operator::add:
      return "+";
    case Operator::subtract:
    case Operator::negate:
      return "-";
    case Operator::multiply:
      return "*";
    case Operator::divide:
      return "/";
    case Operator::floor_divide:
      return "//";
    case Operator::remainder:
      return "%";
    case Operator::matmul:
      return "@";
    case Operator::power:
      return "**";
  }
  return "";
}

}  // namespace brainsurgery
