// A value of a plan while it is computed: what expressions in ${...} are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace brainsurgery {

struct PlanValue {
  using List = std::vector<PlanValue>;
  using Record = std::vector<std::pair<std::string, PlanValue>>;  // in the order of the text

  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Record> is = {};

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(is); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&is); }
  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&is); }
  [[nodiscard]] const List* list() const { return std::get_if<List>(&is); }
  [[nodiscard]] const Record* record() const { return std::get_if<Record>(&is); }
  // nullptr: no record, or none of its keys.
  [[nodiscard]] const PlanValue* find(std::string_view key) const;

  // Numbers are equal by value, 1 and 1.0 too.
  bool operator==(const PlanValue& other) const;
};

// "the number 3", "a list", as messages name a value.
[[nodiscard]] std::string describe(const PlanValue& value);
// A number, a string or a truth value as it stands in a name: 3, 0.5, abc, true. Empty for null, lists and records.
[[nodiscard]] std::string to_text(const PlanValue& value);
// What a value takes: 1 for itself and for each value within it, and 1 for every 16 bytes of its strings.
[[nodiscard]] std::size_t size_of(const PlanValue& value);
// Of what an expression makes, by that measure.
inline constexpr std::size_t kMaxValueSize = 1'000'000;
// The integer that a text of digits is, else the text: how captures of patterns take part in expressions.
[[nodiscard]] PlanValue value_of_capture(std::string_view text);

}  // namespace brainsurgery
