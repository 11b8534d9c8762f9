# Cross compiler of Debian (g++-aarch64-linux-gnu) with the libraries that script/setup --jetson unpacked; preset jetson.
# The C library is the compiler's own; script/package checks that nothing newer than the board's is asked of it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# VLAQ_JETSON names the folder while script/setup is still making it.
get_filename_component(_jetson "${CMAKE_CURRENT_LIST_DIR}/../../.deps/jetson" ABSOLUTE)
if(DEFINED ENV{VLAQ_JETSON})
  set(_jetson "$ENV{VLAQ_JETSON}")
endif()
set(CMAKE_FIND_ROOT_PATH "${_jetson}/sysroot" "${_jetson}/onnx")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Headers that differ between processors.
set(CMAKE_C_STANDARD_INCLUDE_DIRECTORIES "${_jetson}/sysroot/usr/include/aarch64-linux-gnu")
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES "${_jetson}/sysroot/usr/include/aarch64-linux-gnu")
set(ENV{PKG_CONFIG_DIR} "")
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${_jetson}/sysroot")
set(ENV{PKG_CONFIG_LIBDIR} "${_jetson}/sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:${_jetson}/sysroot/usr/share/pkgconfig")

# Programs carry the C++ library with them. The tokenizer's module does not: it stands beside the shared libsentencepiece.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-libstdc++ -static-libgcc -Wl,--gc-sections")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-Wl,--as-needed")  # pkg-config names libsentencepiece_train, too
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;/usr/aarch64-linux-gnu")
