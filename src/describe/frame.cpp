#include "describe/frame.h"

#include <algorithm>

#include "base/text.h"

namespace brainsurgery {
namespace {

std::string repeated(std::string_view piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

// The longest beginning of `text` in at most `columns`, but one character at least.
std::string_view head_of(std::string_view text, int columns) {
  std::size_t end = 0;
  int used = 0;
  while (end < text.size()) {
    const CodePoint point = decode_utf8(text.substr(end));
    used += display_width(point.value);
    if (end > 0 && used > columns) break;
    end += static_cast<std::size_t>(point.length);
  }
  return text.substr(0, end);
}

// Where to break `text` so that it takes at most `columns`: at its last blank that fits, else within the word.
std::size_t break_of(std::string_view text, int columns) {
  const std::string_view fits = head_of(text, columns);
  if (fits.size() == text.size() || text[fits.size()] == ' ') return fits.size();
  const std::size_t blank = fits.find_last_of(' ');
  const std::size_t word = fits.find_first_not_of(' ');
  return blank == std::string_view::npos || word == std::string_view::npos || blank < word ? fits.size() : blank;
}

void wrap(const FrameLine& line, int columns, std::vector<std::string>& into) {
  std::string_view rest = line.text;
  int indent = std::min(line.indent, columns / 2);
  do {
    const std::size_t end = break_of(rest, columns - indent);
    into.push_back(repeated(" ", indent) + std::string(rest.substr(0, end)));
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    indent = std::min(line.hanging, columns / 2);
  } while (!rest.empty());
}

}  // namespace

int columns_of(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    columns += display_width(point.value);
    text.remove_prefix(static_cast<std::size_t>(point.length));
  }
  return columns;
}

std::string framed(std::string_view title, const std::vector<FrameLine>& lines, int width) {
  constexpr int kSides = 4;  // a bar and a blank on each
  std::vector<std::string> rows;
  for (const FrameLine& line : lines) wrap(line, width - kSides, rows);
  int columns = columns_of(title) + 2;
  for (const std::string& row : rows) columns = std::max(columns, columns_of(row));

  const int line = columns + 2 - columns_of(title) - 2;
  std::string text =
      "╭" + repeated("─", line / 2) + " " + std::string(title) + " " + repeated("─", line - line / 2) + "╮\n";
  for (const std::string& row : rows) text += "│ " + row + repeated(" ", columns - columns_of(row)) + " │\n";
  return text + "╰" + repeated("─", columns + 2) + "╯\n";
}

}  // namespace brainsurgery
