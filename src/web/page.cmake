# The page inside of the program. The strings are longer than compilers are asked to take: no warnings about them.
file(GLOB page_paths CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/web/page/*)
set(page_names "")
foreach(path IN LISTS page_paths)
  get_filename_component(name ${path} NAME)
  list(APPEND page_names ${name})
endforeach()
list(APPEND page_names chart.js)
list(APPEND page_paths ${BS_CHART_JS})
set(page_source ${CMAKE_CURRENT_BINARY_DIR}/web/page_files.cpp)
add_custom_command(OUTPUT ${page_source}
  COMMAND ${CMAKE_COMMAND} "-DOUT=${page_source}" "-DNAMES=${page_names}" "-DFILES=${page_paths}"
    -P ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
  DEPENDS ${page_paths} ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake VERBATIM)
target_sources(bs_web PRIVATE ${page_source})
set_source_files_properties(${page_source} PROPERTIES COMPILE_OPTIONS "-w")
target_link_libraries(bs_web PRIVATE nlohmann_json::nlohmann_json PUBLIC PkgConfig::httplib Threads::Threads)
