// Paths as a plan may write them.
#pragma once

#include <string_view>

namespace brainsurgery {

// The system would take what stands before a NUL for the whole path.
[[nodiscard]] inline bool is_cut_path(std::string_view path) { return path.find('\0') != std::string_view::npos; }
inline constexpr std::string_view kCutPath = "a path cannot contain a NUL character";

}  // namespace brainsurgery
