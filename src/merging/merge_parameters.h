// Values of parameters of a merge: a number for all tensors, a curve over the number that names count, or rules of which
// the first whose pattern matches a tensor's name gives the value.
//
//   weight: 0.5
//   weight: {curve: [0, 0.5, 1], count: 32}                      # from the first to the last of 32 blocks
//   weight: [{match: '.*self_attn.*', value: 0.2}, {value: {curve: [0.1, 0.9], count: 32}}]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/schema.h"
#include "plan/name_pattern.h"

namespace brainsurgery::merging {

// A polyline through points at equal distances.
struct Curve {
  std::vector<double> points;
  std::optional<NamePattern> over;  // its only capture is the number; none: the first segment of digits
  std::int64_t first = 0, count = 1;

  // Names without a number have the first value. Throws Error(plan) for numbers that are not first .. first + count - 1.
  [[nodiscard]] double at(std::string_view tensor) const;
};

struct ParameterRule {
  std::optional<NamePattern> match;  // none: all names
  double number = 0;
  std::optional<Curve> curve;  // instead of the number
};

class ParameterValue {
 public:
  explicit ParameterValue(std::vector<ParameterRule> rules) : rules_(std::move(rules)) {}

  // nullopt: no rule is for the tensor.
  [[nodiscard]] std::optional<double> at(std::string_view tensor) const;

 private:
  std::vector<ParameterRule> rules_;
};

[[nodiscard]] FieldTypePtr parameter_type();
// nullopt after mistakes, which were reported.
[[nodiscard]] std::optional<ParameterValue> parameter_value(const YamlNode& value, const FieldDecoder& decoder);

}  // namespace brainsurgery::merging
