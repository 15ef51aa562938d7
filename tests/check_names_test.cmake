# Whether check_names.cmake finds a name where it is planted.
#
#   cmake -DROOT=<source tree> -DWORK=<scratch folder> -P check_names_test.cmake
cmake_minimum_required(VERSION 3.25)

function(expect outcome source)
  file(REMOVE_RECURSE ${WORK})
  file(COPY ${ROOT}/docs/transforms ${ROOT}/docs/predicates DESTINATION ${WORK}/docs)
  file(WRITE ${WORK}/src/cli/planted.cpp "${source}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -P ${ROOT}/tests/check_names.cmake
    RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
  if(result EQUAL 0)
    set(result passes)
  else()
    set(result fails)
  endif()
  if(NOT result STREQUAL outcome)
    message(FATAL_ERROR "${result} instead of ${outcome}: ${source}")
  endif()
endfunction()

expect(passes "if (name == \"other\") return;")
expect(passes "use(\"help\");  // a comment may say 'copy'")
expect(fails "if (name == \"copy\") return;")
expect(fails "const std::set<std::string> kNames{\"x\", \"iszero\"};")
