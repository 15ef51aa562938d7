# The installed tree: the program, its module, and the library for programs that add steps of their own
# (docs/extending.md). One archive of all rooms: which rooms there are is nobody else's business.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(brainsurgery_library STATIC)
foreach(entry IN LISTS BS_ROOMS)
  string(REGEX REPLACE ":.*" "" room "${entry}")
  if(TARGET bs_${room})
    target_sources(brainsurgery_library PRIVATE $<TARGET_OBJECTS:bs_${room}>)
  endif()
endforeach()
target_link_libraries(brainsurgery_library PRIVATE fmt::fmt yaml-cpp spdlog::spdlog OpenSSL::Crypto ZLIB::ZLIB
  Threads::Threads PkgConfig::re2 PkgConfig::pcre2 PkgConfig::libedit cpp-httplib ${CMAKE_DL_LIBS})
target_compile_features(brainsurgery_library INTERFACE cxx_std_20)
set_target_properties(brainsurgery_library PROPERTIES OUTPUT_NAME brainsurgery EXPORT_NAME brainsurgery
  LINKER_LANGUAGE CXX)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/brainsurgery)
install(TARGETS brainsurgery RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(TARGETS brainsurgery_library EXPORT brainsurgery-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  COMPONENT development INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET brainsurgery_dense)
  # Where the program looks for it.
  install(TARGETS brainsurgery_dense LIBRARY DESTINATION lib/brainsurgery COMPONENT dense)
endif()
install(DIRECTORY include/brainsurgery DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
  FILES_MATCHING PATTERN *.h)
install(EXPORT brainsurgery-targets NAMESPACE brainsurgery:: DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(cmake/brainsurgery-config.cmake.in ${CMAKE_BINARY_DIR}/brainsurgery-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/brainsurgery-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/brainsurgery-config.cmake ${CMAKE_BINARY_DIR}/brainsurgery-config-version.cmake
  DESTINATION ${package_folder} COMPONENT development)

# What the program says of itself: completion for shells, and the JSON Schema of plans for editors.
set(printed ${CMAKE_BINARY_DIR}/printed)
set(printed_files ${printed}/plan.schema.json ${printed}/brainsurgery.bash ${printed}/_brainsurgery
  ${printed}/brainsurgery.fish)
add_custom_command(OUTPUT ${printed_files}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${printed}
  COMMAND brainsurgery schema > ${printed}/plan.schema.json
  COMMAND brainsurgery completion bash > ${printed}/brainsurgery.bash
  COMMAND brainsurgery completion zsh > ${printed}/_brainsurgery
  COMMAND brainsurgery completion fish > ${printed}/brainsurgery.fish
  DEPENDS brainsurgery VERBATIM)
add_custom_target(printed_files ALL DEPENDS ${printed_files})
install(FILES ${printed}/plan.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/brainsurgery COMPONENT program)
install(FILES ${printed}/brainsurgery.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME brainsurgery COMPONENT program)
install(FILES ${printed}/_brainsurgery DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT program)
install(FILES ${printed}/brainsurgery.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
  COMPONENT program)
install(FILES LICENSE README.md docs/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
