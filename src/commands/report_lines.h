// Lines of a report as one text.
#pragma once

#include <string>
#include <vector>

namespace brainsurgery {

// Ends each line. Names may hold line breaks, which are written \x0a: a name cannot pretend to be a line of its own.
[[nodiscard]] inline std::string report_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    for (const char c : line) {
      if (c == '\n') {
        text += "\\x0a";
      } else {
        text += c;
      }
    }
    text += '\n';
  }
  return text;
}

}  // namespace brainsurgery
