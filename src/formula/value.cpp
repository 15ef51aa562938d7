#include "formula/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace brainsurgery {
namespace {

constexpr std::size_t kMostDigits = 18;

bool is_number(const PlanValue& value) {
  return std::holds_alternative<std::int64_t>(value.is) || std::holds_alternative<double>(value.is);
}
double number_of(const PlanValue& value) {
  return value.integer() != nullptr ? static_cast<double>(*value.integer()) : std::get<double>(value.is);
}

}  // namespace

const PlanValue* PlanValue::find(std::string_view key) const {
  if (record() == nullptr) return nullptr;
  const auto found = std::ranges::find(*record(), key, &Record::value_type::first);
  return found == record()->end() ? nullptr : &found->second;
}

bool PlanValue::operator==(const PlanValue& other) const {
  if (is_number(*this) && is_number(other) && is.index() != other.is.index())
    return number_of(*this) == number_of(other);
  return is == other.is;
}

std::string describe(const PlanValue& value) {
  struct Describe {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("the number {}", number); }
    std::string operator()(double number) const { return fmt::format("the number {}", number); }
    std::string operator()(const std::string& text) const { return fmt::format("the string '{}'", text); }
    std::string operator()(const PlanValue::List&) const { return "a list"; }
    std::string operator()(const PlanValue::Record&) const { return "a mapping"; }
  };
  return std::visit(Describe(), value.is);
}

std::string to_text(const PlanValue& value) {
  struct Text {
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(const PlanValue::List&) const { return ""; }
    std::string operator()(const PlanValue::Record&) const { return ""; }
  };
  return std::visit(Text(), value.is);
}

std::size_t size_of(const PlanValue& value) {
  constexpr std::size_t kBytesOfOne = 16;
  std::size_t size = 1;
  if (value.text() != nullptr) size += value.text()->size() / kBytesOfOne;
  if (value.list() != nullptr) {
    for (const PlanValue& item : *value.list()) size += size_of(item);
  }
  if (value.record() != nullptr) {
    for (const auto& [key, item] : *value.record()) size += key.size() / kBytesOfOne + size_of(item);
  }
  return size;
}

PlanValue value_of_capture(std::string_view text) {
  const bool digits = !text.empty() && text.size() <= kMostDigits &&
                      std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return {std::string(text)};
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return {number};
}

}  // namespace brainsurgery
