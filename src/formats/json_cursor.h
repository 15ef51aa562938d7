// A pull parser for JSON that comes from strangers: no tree, bounded nesting, strict RFC 8259 syntax.
//
//   JsonCursor json(text, "'a.safetensors': invalid safetensors header");
//   json.enter_object();
//   while (auto key = json.next_key()) {
//     if (*key == "size") size = json.unsigned_integer(); else json.skip_value();
//   }
//   json.finish();
//
// Every function throws Error(run) "<context>: <reason>" at the first thing that is not JSON or not of the kind asked
// for. The text must outlive the cursor. Duplicate keys are the caller's business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brainsurgery {

class JsonCursor {
 public:
  enum class Kind : std::uint8_t { object, array, string, number, boolean, null };
  static constexpr int kMaxDepth = 128;  // objects and arrays inside each other

  // Checks that the text is valid UTF-8.
  JsonCursor(std::string_view text, std::string context);

  // What the next value is, by its first character.
  [[nodiscard]] Kind peek();

  void enter_object();
  // The key of the next member, valid until the next call of any function; nullopt at the end of the object.
  [[nodiscard]] std::optional<std::string_view> next_key();
  void enter_array();
  [[nodiscard]] bool next_element();

  // Decoded; valid until the next call of any function.
  [[nodiscard]] std::string_view string();
  // Digits only: no sign, fraction or exponent. nullopt where the value is a number of another form or above 2^64 - 1.
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer();
  void null();
  void skip_value();
  // Only white space may follow.
  void finish();

  [[noreturn]] void fail(const std::string& reason) const;

 private:
  [[noreturn]] void fail_syntax(const std::string& what) const;
  void skip_space();
  [[nodiscard]] char next_char();
  void enter(char bracket);
  [[nodiscard]] bool advance(char close);
  [[nodiscard]] std::string_view string_with_escapes(std::size_t begin);
  [[nodiscard]] std::uint32_t escaped_code_unit();
  void append_escape();
  [[nodiscard]] std::string_view number();

  std::string_view text_;
  std::string context_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::array<bool, kMaxDepth> fresh_{};  // per open bracket: nothing was read in it so far
  std::string decoded_;
};

}  // namespace brainsurgery
