// What two sets of tensors differ in, as text.
//
//   DiffReport report{"a::.*", "b::.*", {}, {"i"}, {{"m", shape_difference({3, 4}, {12})}}};
//   diff_lines(report);
//     Diff: a::.* <-> b::.*
//     Missing on left:
//       (none)
//     Missing on right:
//       - i
//     Differing:
//       - m: shape (3, 4) != (12,)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/types.h"

namespace brainsurgery {

struct DiffReport {
  struct Difference {
    std::string name;
    std::string reason;
  };
  std::string left, right;  // the references
  std::vector<std::string> missing_on_left, missing_on_right;
  std::vector<Difference> differing;

  [[nodiscard]] bool finds_nothing() const {
    return missing_on_left.empty() && missing_on_right.empty() && differing.empty();
  }
};

// The lines without ends of line; names are as they are, for the caller to escape.
[[nodiscard]] std::vector<std::string> diff_lines(const DiffReport& report);

// The reasons, "shape (3, 4) != (12,)" and so on.
[[nodiscard]] std::string shape_difference(const Shape& left, const Shape& right);
[[nodiscard]] std::string dtype_difference(DType left, DType right);
// `left`, `right`: dtypes, or the forms of tensors whose elements cannot be read.
[[nodiscard]] std::string unreadable_difference(const std::string& left, const std::string& right);
struct Distance {
  double largest;  // |l - r|
  double eps;      // which it exceeds
};
// nullopt: they were compared without a limit.
[[nodiscard]] std::string values_difference(const std::optional<Distance>& distance);

}  // namespace brainsurgery
