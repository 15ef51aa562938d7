#include "repl/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace brainsurgery {
namespace {

int width_of(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    width += display_width(next.value);
    text.remove_prefix(static_cast<std::size_t>(next.length));
  }
  return width;
}

}  // namespace

std::string common_beginning(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  std::string_view common = words.front();
  for (const std::string& word : words) {
    const auto differ = std::ranges::mismatch(common, word);
    common = common.substr(0, static_cast<std::size_t>(differ.in1 - common.begin()));
  }
  const auto is_continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  std::size_t end = common.size();
  while (end > 0 && end < words.front().size() && is_continuation(words.front()[end])) --end;
  return std::string(common.substr(0, end));
}

std::string in_columns(const std::vector<std::string>& words, int columns, int most_rows) {
  const std::string common = common_beginning(words);
  const std::size_t stop = common.find_last_of("./");
  const std::size_t hidden = words.size() < 2 || stop == std::string::npos ? 0 : stop + 1;
  std::vector<std::string> shown;
  int widest = 1;
  for (const std::string& word : words) {
    shown.push_back(escape_for_terminal(trim(std::string_view(word).substr(hidden))));
    widest = std::max(widest, width_of(shown.back()));
  }
  const int across = std::max(1, columns / (widest + 2));
  const int count = static_cast<int>(shown.size());
  const int rows = (count + across - 1) / across;
  std::string text;
  for (int row = 0; row < std::min(rows, most_rows); ++row) {
    for (int i = row; i < count; i += rows) {
      const std::string& word = shown[static_cast<std::size_t>(i)];
      const bool last = i + rows >= count;
      text += word + (last ? "" : std::string(static_cast<std::size_t>(widest + 2 - width_of(word)), ' '));
    }
    text += "\n";
  }
  if (rows > most_rows) text += fmt::format("... {} in all\n", counted(count, "candidate"));
  return text;
}

}  // namespace brainsurgery
