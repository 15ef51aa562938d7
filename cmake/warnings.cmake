add_library(bs_warnings INTERFACE)
# It holds of a source alone, not of several that are compiled together.
set(shadow -Wshadow)
if(BS_UNITY)
  set(shadow "")
endif()
target_compile_options(bs_warnings INTERFACE -Wall -Wextra -Wpedantic ${shadow} -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(bs_warnings INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlapping copies in every "literal" + std::string (GCC bug 105651).
  target_compile_options(bs_warnings INTERFACE -Wno-restrict)
endif()
# So do these.
if(BS_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(bs_warnings INTERFACE -Wno-subobject-linkage -Wno-maybe-uninitialized)
endif()
# Results must not depend on whether the processor has fused multiply-add.
target_compile_options(bs_warnings INTERFACE -ffp-contract=off)
