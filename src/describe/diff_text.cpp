#include "describe/diff_text.h"

#include <fmt/format.h>

#include "describe/tensor_text.h"

namespace brainsurgery {
namespace {

constexpr const char* kItem = "  - ";
constexpr const char* kNone = "  (none)";

void append_names(std::vector<std::string>& lines, const std::vector<std::string>& names) {
  for (const std::string& name : names) lines.push_back(kItem + name);
  if (names.empty()) lines.emplace_back(kNone);
}

// A shape as Python writes a tuple.
std::string tuple_text(const Shape& shape) {
  if (shape.size() == 1) return fmt::format("({},)", shape.front());
  std::string text = to_string(shape);
  text.front() = '(';
  text.back() = ')';
  return text;
}

}  // namespace

std::vector<std::string> diff_lines(const DiffReport& report) {
  std::vector<std::string> lines{fmt::format("Diff: {} <-> {}", report.left, report.right)};
  lines.emplace_back("Missing on left:");
  append_names(lines, report.missing_on_left);
  lines.emplace_back("Missing on right:");
  append_names(lines, report.missing_on_right);
  lines.emplace_back("Differing:");
  for (const auto& [name, reason] : report.differing) lines.push_back(fmt::format("{}{}: {}", kItem, name, reason));
  if (report.differing.empty()) lines.emplace_back(kNone);
  if (report.finds_nothing()) lines.emplace_back("No differences found.");
  return lines;
}

std::string shape_difference(const Shape& left, const Shape& right) {
  return fmt::format("shape {} != {}", tuple_text(left), tuple_text(right));
}

std::string dtype_difference(DType left, DType right) {
  return fmt::format("dtype {} != {}", report_dtype(left), report_dtype(right));
}

std::string unreadable_difference(const std::string& left, const std::string& right) {
  return fmt::format("not comparable: {} and {}", left, right);
}

std::string values_difference(const std::optional<Distance>& distance) {
  if (!distance) return "values differ";
  return fmt::format("values differ (max_abs_diff={}, eps={})", short_number(distance->largest),
                     short_number(distance->eps));
}

}  // namespace brainsurgery
