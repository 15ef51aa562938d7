# Tests of how the code is laid out, not of what it does.
add_test(NAME rooms COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -P ${CMAKE_CURRENT_LIST_DIR}/check_rooms.cmake)
add_test(NAME rooms_checker COMMAND ${CMAKE_COMMAND} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/check_rooms
  -P ${CMAKE_CURRENT_LIST_DIR}/check_rooms_test.cmake)

# Every public header compiles alone, twice, and with nothing but include/ to find.
file(GLOB public_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/brainsurgery/*.h)
set(header_sources "")
foreach(header IN LISTS public_headers)
  get_filename_component(name ${header} NAME_WE)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/public_headers/${name}.cpp)
  file(CONFIGURE OUTPUT ${source}
    CONTENT "#include \"brainsurgery/${name}.h\"\n#include \"brainsurgery/${name}.h\"  // guarded\n")
  list(APPEND header_sources ${source})
endforeach()
add_library(public_headers OBJECT ${header_sources})
target_include_directories(public_headers PRIVATE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(public_headers PRIVATE bs_warnings)

# Steps and operators are named in their own files only.
add_test(NAME names COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -P ${CMAKE_CURRENT_LIST_DIR}/check_names.cmake)
add_test(NAME names_checker COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR}
  -DWORK=${CMAKE_CURRENT_BINARY_DIR}/check_names -P ${CMAKE_CURRENT_LIST_DIR}/check_names_test.cmake)
