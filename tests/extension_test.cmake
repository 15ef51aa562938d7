# Installs the tree that was built, builds tests/extension against it as somebody else would, and runs its check.
#
#   cmake -DBUILD=<build folder> -DSOURCE=<tests/extension> -DWORK=<folder> -DCOMPILER=<C++ compiler> [-DFLAGS=<flags>]
#         -P extension_test.cmake
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " words)
    message(FATAL_ERROR "${words}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)

# Public headers alone, which name nothing of the library's own folders.
file(GLOB_RECURSE headers RELATIVE ${WORK}/installed/include ${WORK}/installed/include/*)
foreach(header IN LISTS headers)
  if(NOT header MATCHES "^brainsurgery/[a-z_]+\\.h$")
    message(FATAL_ERROR "'${header}' is installed, which is no public header")
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/installed
  -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(sh ${SOURCE}/check.sh ${WORK}/build/surgeon ${WORK}/plans)
