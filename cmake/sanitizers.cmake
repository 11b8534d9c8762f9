# VLAQ_SANITIZER and VLAQ_BUILD_FUZZERS applied to everything we compile.
if(VLAQ_SANITIZER)
  add_compile_options(-fsanitize=${VLAQ_SANITIZER} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${VLAQ_SANITIZER})
  if(VLAQ_SANITIZER MATCHES "undefined")
    # vptr needs the type information of libraries that were built without the sanitizer (libonnx, protobuf).
    add_compile_options(-fno-sanitize-recover=undefined -fno-sanitize=vptr)
    add_link_options(-fno-sanitize=vptr)
  endif()
endif()
if(VLAQ_BUILD_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "VLAQ_BUILD_FUZZERS needs clang (preset fuzz); without it the fuzz targets replay their corpus")
  endif()
  # Coverage for libFuzzer in all of our code; only the fuzz targets themselves link -fsanitize=fuzzer.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
