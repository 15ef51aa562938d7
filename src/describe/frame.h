// Text in a rounded box for terminals.
//
//   framed("Help for exit", {{"Ends the plan."}});
//     ╭─ Help for exit ─╮
//     │ Ends the plan.  │
//     ╰─────────────────╯
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

struct FrameLine {
  std::string text;
  int indent = 0;   // columns before it
  int hanging = 0;  // ... and before what of it is wrapped
};

// As wide as the longest line needs, at most `width` columns, frame included; longer lines are wrapped at blanks,
// longer words cut. Columns are counted as terminals show them. Every line of the result is ended by a newline.
[[nodiscard]] std::string framed(std::string_view title, const std::vector<FrameLine>& lines, int width = 100);

// The columns of UTF-8 text.
[[nodiscard]] int columns_of(std::string_view text);

}  // namespace brainsurgery
