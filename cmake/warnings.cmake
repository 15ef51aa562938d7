add_library(bs_warnings INTERFACE)
target_compile_options(bs_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(bs_warnings INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlapping copies in every "literal" + std::string (GCC bug 105651).
  target_compile_options(bs_warnings INTERFACE -Wno-restrict)
endif()
# These hold of a source alone, not of several that are compiled together.
if(NOT BS_UNITY)
  target_compile_options(bs_warnings INTERFACE -Wshadow)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(bs_warnings INTERFACE -Wno-subobject-linkage -Wno-maybe-uninitialized)
endif()
# Results must not depend on whether the processor has fused multiply-add.
target_compile_options(bs_warnings INTERFACE -ffp-contract=off)
