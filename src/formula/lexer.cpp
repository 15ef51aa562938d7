#include "formula/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/ascii.h"
#include "base/numbers.h"
#include "base/text.h"

namespace brainsurgery {
namespace {

constexpr std::array<std::string_view, 10> kWords{"and", "or",   "not",   "if",  "else",
                                                  "in",  "true", "false", "inf", "nan"};
// Longer ones first.
constexpr std::array<std::string_view, 26> kSymbols{"...", "..", "**", "//", "<=", ">=", "==", "!=", "+", "-",
                                                    "*",   "/",  "%",  "@",  "<",  ">",  "=",  "(", ")",
                                                    "[",   "]",  ",",  ":",  ".",  "{",  "}"};

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Lexer {
 public:
  explicit Lexer(const FormulaText& text) : source_(text), text_(text.text), at_(text.begin) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
      tokens.push_back(next());
      if (tokens.back().kind == Token::Kind::end) return tokens;
    }
  }

 private:
  Token next() {
    if (at_ == text_.size()) return {Token::Kind::end, "", {at_, at_}};
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    if (starts_name(c)) return word();
    if (c == '\'' || c == '"') return string(c);
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_).starts_with(symbol)) return take(Token::Kind::symbol, symbol.size());
    }
    const auto length = static_cast<std::size_t>(decode_utf8(text_.substr(at_)).length);
    source_.fail({at_, at_ + length},
                 fmt::format("unexpected character '{}'", escape_for_terminal(text_.substr(at_, length))));
  }

  Token take(Token::Kind kind, std::size_t length) {
    Token token{kind, text_.substr(at_, length), {at_, at_ + length}};
    at_ += length;
    return token;
  }

  Token string(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' && end + 1 < text_.size() ? 2 : 1;
    if (end >= text_.size()) source_.fail({at_, at_ + 1}, "the string is not closed");
    return take(Token::Kind::string, end + 1 - at_);
  }

  Token word() {
    std::size_t end = at_;
    while (end < text_.size() && continues_name(text_[end])) ++end;
    const std::string_view text = text_.substr(at_, end - at_);
    const bool is_number = text == "inf" || text == "nan";
    const bool is_word = std::ranges::find(kWords, text) != kWords.end();
    Token token = take(is_number ? Token::Kind::number : is_word ? Token::Kind::word : Token::Kind::name, text.size());
    if (is_number) {
      token.number.value =
          text == "inf" ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    }
    return token;
  }

  // Digits, a point, an exponent. "1..." is not one: the dots are a token of their own.
  Token number() {
    std::size_t end = digits_from(at_);
    if (end < text_.size() && text_[end] == '.' && !text_.substr(end).starts_with("..")) end = digits_from(end + 1);
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent])) end = digits_from(exponent);
    }
    while (end < text_.size() && continues_name(text_[end])) ++end;  // hexadecimal digits, or for the message
    Token token = take(Token::Kind::number, end - at_);
    if (token.text.starts_with("0x") || token.text.starts_with("0X")) return hexadecimal(std::move(token));
    const std::optional<double> value = parse_python_float(token.text);
    if (!value) source_.fail(token.range, fmt::format("'{}' is not a number", token.text));
    if (std::isinf(*value)) source_.fail(token.range, fmt::format("the number {} is too large", token.text));
    token.number = {*value, parse_python_int(token.text)};
    if (!token.number.integer && std::ranges::all_of(token.text, [](char c) { return is_digit(c) || c == '_'; }))
      fail_large(token);
    return token;
  }

  Token hexadecimal(Token token) {
    std::string digits(token.text.substr(2));
    std::erase(digits, '_');
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error == std::errc::result_out_of_range) fail_large(token);
    if (error != std::errc() || end != digits.data() + digits.size())
      source_.fail(token.range, fmt::format("'{}' is not a number", token.text));
    token.number = {static_cast<double>(value), value};
    return token;
  }

  [[noreturn]] void fail_large(const Token& token) const {
    source_.fail(token.range, fmt::format("the integer {} is beyond int64", token.text),
                 {"a float is written with a point or an exponent, such as 1e19"});
  }

  [[nodiscard]] std::size_t digits_from(std::size_t at) const {
    while (at < text_.size() && (is_digit(text_[at]) || text_[at] == '_')) ++at;
    return at;
  }

  const FormulaText& source_;
  std::string_view text_;
  std::size_t at_;
};

}  // namespace

std::vector<Token> tokens_of(const FormulaText& text) { return Lexer(text).run(); }

bool is_formula_name(std::string_view text) {
  return !text.empty() && starts_name(text.front()) && std::ranges::all_of(text, continues_name) &&
         std::ranges::find(kWords, text) == kWords.end();
}

}  // namespace brainsurgery
