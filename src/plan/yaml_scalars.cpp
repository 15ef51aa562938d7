#include "plan/yaml_scalars.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/ascii.h"

namespace brainsurgery {
namespace {

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

// Walks over a scalar; every take_ function leaves the position alone where it takes nothing.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[position_]; }
  bool take(std::string_view any_of) {
    if (at_end() || any_of.find(text_[position_]) == std::string_view::npos) return false;
    ++position_;
    return true;
  }
  std::string_view take_run(std::string_view of) {
    std::size_t start = position_;
    while (take(of)) {
    }
    return text_.substr(start, position_ - start);
  }
  // [0-5]?[0-9]
  bool take_sixtieth() {
    if (!is_digit(peek())) return false;
    bool two = position_ + 1 < text_.size() && peek() <= '5' && is_digit(text_[position_ + 1]);
    position_ += two ? 2 : 1;
    return true;
  }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

std::string without_underscores(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c != '_') result += c;
  }
  return result;
}

YamlScalar floating(double value) { return {.kind = YamlKind::floating, .floating = value}; }

// `digits`: of the base, underscores allowed. Python's integers have no limit: beyond 64 bits only the double is given.
YamlScalar integer(bool negative, std::string_view digits, int base) {
  std::string plain = without_underscores(digits);
  YamlScalar result{.kind = YamlKind::integer};
  std::string with_sign = (negative ? "-" : "") + plain;
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(with_sign.data(), with_sign.data() + with_sign.size(), value, base);
  if (error == std::errc() && end == with_sign.data() + with_sign.size()) {
    result.integer = value;
    result.floating = static_cast<double>(value);
  } else if (base == 10) {
    result.floating = std::strtod(with_sign.c_str(), nullptr);
  } else {
    for (char c : plain) {
      int digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
      result.floating = result.floating * base + digit;
    }
    if (negative) result.floating = -result.floating;
  }
  return result;
}

double to_double(std::string_view text) {
  std::string plain = without_underscores(text);
  std::string_view digits = plain;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  // from_chars leaves the value alone when it over- or underflows; strtod gives infinity or zero, as Python does.
  return error == std::errc::result_out_of_range ? std::strtod(plain.c_str(), nullptr) : value;
}

// "1:30" and "1:30.5": groups of sixtieths.
double sexagesimal(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  while (true) {
    std::size_t colon = text.find(':');
    value = value * 60 + to_double(text.substr(0, colon));
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
  }
  return negative ? -value : value;
}

constexpr std::string_view kDecimal = "0123456789";
constexpr std::string_view kDecimalRun = "0123456789_";

std::optional<YamlScalar> based_integer(std::string_view body, bool negative) {
  auto all = [](std::string_view digits, std::string_view of) {
    return !without_underscores(digits).empty() && digits.find_first_not_of(of) == std::string_view::npos;
  };
  if (body == "0") return integer(negative, body, 10);
  if (body.size() < 2 || body[0] != '0') return std::nullopt;
  if (body[1] == 'b' && all(body.substr(2), "01_")) return integer(negative, body.substr(2), 2);
  if (body[1] == 'x' && all(body.substr(2), "0123456789abcdefABCDEF_")) return integer(negative, body.substr(2), 16);
  if (body.find_first_not_of("01234567_", 1) == std::string_view::npos) return integer(negative, body, 8);
  return std::nullopt;
}

// [eE] sign digits up to the end; `sign_needed`: PyYAML's own rule, which OmegaConf relaxes for plain mantissas.
bool take_exponent(Scan& scan, bool sign_needed) {
  if (!scan.take("eE")) return false;
  if (!scan.take("+-") && sign_needed) return false;
  return !scan.take_run(kDecimal).empty() && scan.at_end();
}

bool plain_digits(std::string_view run) { return !run.ends_with('_') && run.find("__") == std::string_view::npos; }

std::optional<YamlScalar> number(std::string_view text) {
  Scan scan(text);
  bool negative = scan.peek() == '-';
  bool sign = scan.take("+-");
  std::string_view body = text.substr(scan.position());
  if (one_of(body, {".inf", ".Inf", ".INF"})) {
    double infinity = std::numeric_limits<double>::infinity();
    return floating(negative ? -infinity : infinity);
  }
  if (!sign && one_of(body, {".nan", ".NaN", ".NAN"})) return floating(std::numeric_limits<double>::quiet_NaN());
  if (!sign && scan.take(".")) {  // ".5": only without a sign
    if (!is_digit(scan.peek())) return std::nullopt;
    (void)scan.take_run(kDecimalRun);
    return scan.at_end() || take_exponent(scan, true) ? std::optional(floating(to_double(text))) : std::nullopt;
  }
  if (!is_digit(scan.peek())) return std::nullopt;
  if (std::optional<YamlScalar> based = based_integer(body, negative)) return based;

  std::string_view whole = scan.take_run(kDecimalRun);
  if (scan.at_end()) return whole[0] == '0' ? std::nullopt : std::optional(integer(negative, whole, 10));
  if (scan.take(".")) {
    (void)scan.take_run(kDecimalRun);
    bool fits = scan.at_end() || take_exponent(scan, !plain_digits(whole));
    return fits ? std::optional(floating(to_double(text))) : std::nullopt;
  }
  if (scan.peek() == ':') {
    while (scan.take(":")) {
      if (!scan.take_sixtieth()) return std::nullopt;
    }
    if (scan.at_end() && whole[0] != '0') {
      double value = sexagesimal(text);
      YamlScalar result{.kind = YamlKind::integer, .floating = value};
      if (std::abs(value) < 9e15) result.integer = static_cast<std::int64_t>(value);
      return result;
    }
    if (!scan.take(".")) return std::nullopt;
    (void)scan.take_run(kDecimalRun);
    return scan.at_end() ? std::optional(floating(sexagesimal(text))) : std::nullopt;
  }
  return plain_digits(whole) && take_exponent(scan, false) ? std::optional(floating(to_double(text))) : std::nullopt;
}

}  // namespace

std::string_view to_string(YamlKind kind) {
  constexpr std::array<std::string_view, 7> kNames = {"null",     "a boolean", "an integer", "a number",
                                                      "a string", "a list",    "a mapping"};
  return kNames[static_cast<std::size_t>(kind)];
}

YamlScalar resolve_scalar(std::string_view plain) {
  if (plain.empty() || one_of(plain, {"~", "null", "Null", "NULL"})) return {.kind = YamlKind::null};
  if (one_of(plain, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    return {.kind = YamlKind::boolean, .boolean = true};
  }
  if (one_of(plain, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    return {.kind = YamlKind::boolean, .boolean = false};
  }
  if (is_digit(plain[0]) || plain[0] == '-' || plain[0] == '+' || plain[0] == '.') {
    if (std::optional<YamlScalar> value = number(plain)) return *value;
  }
  return {.kind = YamlKind::string};
}

}  // namespace brainsurgery
