// Long text on a terminal, page by page.
#pragma once

#include <functional>
#include <string>

#include "brainsurgery/config.h"

namespace brainsurgery {

// Shows text that is longer than the terminal of standard output with the program that the variable PAGER names, less
// where it is not set; "" and cat are none. The function gives false where it showed nothing: the text is short, or there
// is no pager. Ctrl-C belongs to the pager as long as it runs.
[[nodiscard]] std::function<bool(const std::string& text)> pager(const VariableLookup& environment);

}  // namespace brainsurgery
