// The characters of a YAML text before a parser sees them: what may not occur, where a line starts, and the mask that
// lets `?` pass yaml-cpp.
//
//   if (std::optional<Diagnostic> problem = find_bad_character(source)) ...
//   LineTable lines(masked);  lines.offset(3, 1);   // of the third line
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/error.h"

namespace brainsurgery {

// The first thing that PyYAML's reader refuses too (bytes that are not UTF-8, control characters, surrogates), a lone
// carriage return, or a first character ',', with which yaml-cpp 0.7 never ends.
[[nodiscard]] std::optional<Diagnostic> find_bad_character(const std::shared_ptr<const SourceText>& source);

// Stands for '?' on the way through yaml-cpp 0.7, which takes `?` in flow collections for an explicit key. A control
// character that find_bad_character refuses, of the same length, so that columns stay right.
inline constexpr char kMaskedQuestion = '\x01';
[[nodiscard]] std::string mask_questions(std::string_view text);
// Puts the '?' back. A double-quoted scalar can hold a real character 1 by an escape: `raw` is the masked text from the
// scalar's first character on and tells the two apart.
[[nodiscard]] std::string unmask_questions(std::string value, std::string_view raw);

// yaml-cpp 0.7 gives the escapes `\N` and `\_` as the bytes 0x85 and 0xA0 instead of the UTF-8 of these code points.
[[nodiscard]] std::string mend_escapes(std::string value);

// Byte offsets of lines; lines and columns from 0.
class LineTable {
 public:
  explicit LineTable(std::string_view text);
  // Of that place, at most the size of the text.
  [[nodiscard]] std::size_t offset(int line, int column) const;
  [[nodiscard]] std::string_view line(int line) const;  // without its end; empty behind the last

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

}  // namespace brainsurgery
