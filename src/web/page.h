// The files of the page, which the build embeds (cmake/embed_page.cmake).
#pragma once

#include <span>
#include <string_view>

namespace brainsurgery::web {

struct PageFile {
  std::string_view name;     // "style.css"
  std::string_view content;
};
[[nodiscard]] std::span<const PageFile> page_files();

// "text/css", by the name's ending.
[[nodiscard]] std::string_view media_type(std::string_view name);

}  // namespace brainsurgery::web
