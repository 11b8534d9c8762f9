# Compile options of our own code, as an INTERFACE target that is linked PRIVATE and so never exported.
add_library(vlaq_warnings INTERFACE)
target_compile_options(vlaq_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wcast-align -Wnull-dereference -Wdouble-promotion
  -Wzero-as-null-pointer-constant)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees null dereferences and dangling pointers in inlined standard library code that are not there.
  target_compile_options(vlaq_warnings INTERFACE -Wno-null-dereference -Wno-restrict)
endif()
if(VLAQ_WARNINGS_AS_ERRORS)
  target_compile_options(vlaq_warnings INTERFACE -Werror)
endif()
