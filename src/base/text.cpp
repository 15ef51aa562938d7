#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <span>

#include "base/ascii.h"

namespace brainsurgery {
namespace {

struct Range {
  char32_t first, last;
};

bool within(std::span<const Range> ranges, char32_t value) {
  return std::any_of(ranges.begin(), ranges.end(), [&](Range r) { return value >= r.first && value <= r.last; });
}

// Characters that a terminal obeys or that make text read other than it is.
constexpr std::array<Range, 8> kDeceptive{{{0x061C, 0x061C},  // Arabic letter mark
                                           {0x200B, 0x200F},  // zero width, direction marks
                                           {0x2028, 0x202E},  // line and paragraph separators, bidirectional embedding
                                           {0x2060, 0x2064},  // invisible operators
                                           {0x2066, 0x206F},  // bidirectional isolates
                                           {0xFEFF, 0xFEFF},  // byte order mark
                                           {0xFFF9, 0xFFFB},  // interlinear annotation
                                           {0xE0000, 0xE007F}}};  // tags

// Enough for caret placement: combining marks, then the wide blocks of Unicode's East Asian Width property.
constexpr std::array<Range, 8> kZeroWidth{{{0x0300, 0x036F},
                                           {0x0483, 0x0489},
                                           {0x0591, 0x05BD},
                                           {0x064B, 0x065F},
                                           {0x1AB0, 0x1AFF},
                                           {0x1DC0, 0x1DFF},
                                           {0x20D0, 0x20FF},
                                           {0xFE00, 0xFE0F}}};
constexpr std::array<Range, 8> kWide{{{0x1100, 0x115F},
                                      {0x2E80, 0xA4CF},
                                      {0xAC00, 0xD7A3},
                                      {0xF900, 0xFAFF},
                                      {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},
                                      {0x1F300, 0x1FAFF},
                                      {0x20000, 0x3FFFD}}};

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

// The digits at the front of `text`, which loses them, without zeros in front.
std::string_view take_number(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::size_t begin = std::min(text.find_first_not_of('0'), end);
  const std::string_view number = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return number;
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

CodePoint decode_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const CodePoint invalid{first, 1, false};
  if (first < 0x80) return {first, 1, true};
  const int length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < static_cast<std::size_t>(length)) return invalid;
  char32_t value = first & (0xFFU >> (length + 1));
  for (int i = 1; i < length; ++i) {
    const unsigned char next = byte(static_cast<std::size_t>(i));
    if ((next & 0xC0) != 0x80) return invalid;
    value = (value << 6) | (next & 0x3FU);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return invalid;
  return {value, length, true};
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    if (!point.valid) return false;
    text.remove_prefix(static_cast<std::size_t>(point.length));
  }
  return true;
}

bool is_printable_ascii(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighBits = 0x80 * kOnes;
  std::uint64_t others = 0;
  // Of a byte below 0x20 the difference has the high bit, of 0x7f the sum. Carries come from bytes found already.
  const auto look_at = [&](std::uint64_t word) { others |= word | (word - 0x20 * kOnes) | (word + kOnes); };
  const auto word_at = [&](std::size_t place) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + place, sizeof word);
    return word;
  };
  constexpr std::size_t kStep = sizeof(std::uint64_t);
  if (text.size() < kStep) {
    std::uint64_t word = 0x20 * kOnes;
    if (!text.empty()) std::memcpy(&word, text.data(), text.size());
    look_at(word);
  } else {
    for (std::size_t i = 0; i + kStep <= text.size(); i += kStep) look_at(word_at(i));
    look_at(word_at(text.size() - kStep));
  }
  return (others & kHighBits) == 0;
}

std::string escape_for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const auto length = static_cast<std::size_t>(point.length);
    if (!point.valid || is_control(point.value)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint32_t>(point.value));
    } else if (within(kDeceptive, point.value)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:04x}}}", static_cast<std::uint32_t>(point.value));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  return out;
}

bool is_harmless(char32_t code_point) { return !is_control(code_point) && !within(kDeceptive, code_point); }

std::string escape_lines(std::string_view text) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += escape_for_terminal(text.substr(begin, end - begin));
    if (end < text.size()) out += '\n';
    begin = end + 1;
  }
  return out;
}

bool naturally_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a, whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      const std::string_view number_a = take_number(a), number_b = take_number(b);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
      continue;
    }
    if (a.front() != b.front()) return static_cast<unsigned char>(a.front()) < static_cast<unsigned char>(b.front());
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;  // zeros in front of numbers
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

int display_width(char32_t code_point) {
  if (code_point < 0x300) return 1;
  if (within(kZeroWidth, code_point)) return 0;
  return within(kWide, code_point) ? 2 : 1;
}

}  // namespace brainsurgery
