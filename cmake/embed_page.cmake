# Writes the files of the page into a C++ source, as raw strings.
#
#   cmake -DOUT=<source> -DNAMES=<index.html;chart.js> -DFILES=<their paths> -P embed_page.cmake
cmake_minimum_required(VERSION 3.25)
set(entries "")
foreach(name path IN ZIP_LISTS NAMES FILES)
  file(READ ${path} content)
  string(FIND "${content}" ")page\"" at)
  if(NOT at EQUAL -1)
    message(FATAL_ERROR "${path} contains the end of a raw string")
  endif()
  string(APPEND entries "    {\"${name}\", R\"page(${content})page\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"web/page.h\"\n\nnamespace brainsurgery::web {\n\nstd::span<const PageFile> page_files() {\n"
  "  static constexpr PageFile kFiles[] = {\n${entries}  };\n  return kFiles;\n}\n\n}  // namespace brainsurgery::web\n")
