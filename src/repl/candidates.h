// The candidates of a completion: what they have in common, and how they are listed.
#pragma once

#include <string>
#include <vector>

namespace brainsurgery {

// The longest beginning that all words have, in whole characters of UTF-8.
[[nodiscard]] std::string common_beginning(const std::vector<std::string>& words);

// The words in columns, downwards, for a terminal of so many columns; each line ends with a line feed. More rows than
// `most_rows` are counted, not shown. Segments that all words share up to their last dot or slash are left out.
[[nodiscard]] std::string in_columns(const std::vector<std::string>& words, int columns, int most_rows);

}  // namespace brainsurgery
