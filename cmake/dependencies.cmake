# Everything from outside, found once. script/setup installs all of it.

# Where the system's libonnx is too old (Ubuntu 22.04), script/setup has built one here.
if(EXISTS "${PROJECT_SOURCE_DIR}/.deps/onnx")
  list(PREPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/.deps/onnx")
endif()

# Preset jetson: libraries go into the program, as far as they exist as archives. They do in the folder that script/setup
# --jetson makes, where nothing else is.
option(VLAQ_STATIC_LIBRARIES "Link archives, for a program that runs on another system" OFF)

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(ZLIB REQUIRED)
if(VLAQ_STATIC_LIBRARIES)
  add_library(vlaq_fmt STATIC "${PROJECT_SOURCE_DIR}/cmake/compat/fmt_library.cc")  # Debian has only the shared one
  find_path(VLAQ_FMT_INCLUDE fmt/format.h REQUIRED)
  target_include_directories(vlaq_fmt SYSTEM PUBLIC "${VLAQ_FMT_INCLUDE}")
  add_library(fmt::fmt ALIAS vlaq_fmt)
else()
  find_package(fmt REQUIRED)
endif()
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PNG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)
# libjpeg-turbo's own CMake file insists on the development files of libjpeg too, which nobody here uses.
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
add_library(libjpeg-turbo::turbojpeg ALIAS PkgConfig::TURBOJPEG)
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5)
if(VLAQ_STATIC_LIBRARIES)
  # What Debian's libhdf5 uses itself. One of its file drivers, for files in Amazon's cloud, wants libcurl, which wants
  # twenty more libraries: it gets one that always refuses.
  find_library(VLAQ_SZIP_LIBRARY sz REQUIRED)
  find_library(VLAQ_AEC_LIBRARY aec REQUIRED)
  add_library(vlaq_no_curl STATIC "${PROJECT_SOURCE_DIR}/cmake/compat/no_curl.c")
  target_link_libraries(PkgConfig::HDF5 INTERFACE "${VLAQ_SZIP_LIBRARY}" "${VLAQ_AEC_LIBRARY}" ZLIB::ZLIB OpenSSL::Crypto vlaq_no_curl
    ${CMAKE_DL_LIBS} m)
endif()
if(VLAQ_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

# Boost's Beast and Asio, for `vlaq serve`: headers only, so that no Boost library is needed on the board.
find_path(BOOST_BEAST_INCLUDE_DIR boost/beast.hpp REQUIRED)
add_library(vlaq_beast INTERFACE)
target_include_directories(vlaq_beast SYSTEM INTERFACE "${BOOST_BEAST_INCLUDE_DIR}")
target_compile_definitions(vlaq_beast INTERFACE BOOST_ERROR_CODE_HEADER_ONLY BOOST_ALL_NO_LIB BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_USE_STD_STRING_VIEW)
target_link_libraries(vlaq_beast INTERFACE OpenSSL::SSL OpenSSL::Crypto Threads::Threads)

# The simulator is optional: without MuJoCo or OSMesa everything else builds, and `vlaq doctor` says so.
# Debian's CMake file for MuJoCo asks for packages of its viewer, so the library is looked for by name.
find_path(MUJOCO_INCLUDE_DIR mujoco/mujoco.h)
find_library(MUJOCO_LIBRARY mujoco)
pkg_check_modules(OSMESA QUIET IMPORTED_TARGET osmesa)
if(MUJOCO_INCLUDE_DIR AND MUJOCO_LIBRARY AND TARGET PkgConfig::OSMESA)
  add_library(vlaq_mujoco INTERFACE)
  target_include_directories(vlaq_mujoco SYSTEM INTERFACE "${MUJOCO_INCLUDE_DIR}")
  target_link_libraries(vlaq_mujoco INTERFACE "${MUJOCO_LIBRARY}" PkgConfig::OSMESA)
  set(VLAQ_HAVE_SIMULATOR ON)
else()
  set(VLAQ_HAVE_SIMULATOR OFF)
  message(STATUS "no MuJoCo or OSMesa: building without the simulator")
endif()

# ROS 2 topics are optional: Cyclone DDS is loaded at run time (dlopen), so its headers are enough to build. Our raw type
# follows the inner interface of 0.10; Ubuntu 22.04 has 0.8.
pkg_check_modules(CYCLONEDDS QUIET CycloneDDS>=0.10 CycloneDDS<0.11)
if(CYCLONEDDS_FOUND)
  add_library(vlaq_dds_headers INTERFACE)
  target_include_directories(vlaq_dds_headers SYSTEM INTERFACE ${CYCLONEDDS_INCLUDE_DIRS})
  target_compile_options(vlaq_dds_headers INTERFACE ${CYCLONEDDS_CFLAGS_OTHER})
  if(VLAQ_STATIC_LIBRARIES)
    # Debian's libddsc, which the package carries, wants iceoryx, which wants three libraries more and is never called.
    add_library(vlaq_no_iceoryx SHARED "${PROJECT_SOURCE_DIR}/cmake/compat/no_iceoryx.c")
    set_target_properties(vlaq_no_iceoryx PROPERTIES OUTPUT_NAME iceoryx_binding_c SOVERSION 2)
  endif()
  set(VLAQ_HAVE_DDS ON)
else()
  set(VLAQ_HAVE_DDS OFF)
  message(STATUS "no Cyclone DDS 0.10: building without ROS 2 topics")
endif()

# libonnx: its headers are not clean under our warnings, and its CMake file leaves out two definitions.
add_library(vlaq_libonnx INTERFACE)
target_link_libraries(vlaq_libonnx INTERFACE onnx onnx_proto protobuf::libprotobuf)
target_compile_definitions(vlaq_libonnx INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)

# ONNX Runtime is loaded at run time (dlopen); only its headers are needed to build. script/setup puts both there.
set(VLAQ_ORT_ROOT "${PROJECT_SOURCE_DIR}/.deps/ort" CACHE PATH "Folder with include/ and lib/ of ONNX Runtime")
if(NOT EXISTS "${VLAQ_ORT_ROOT}/include/onnxruntime_cxx_api.h")
  message(FATAL_ERROR "no ONNX Runtime headers under ${VLAQ_ORT_ROOT}/include: run script/setup first")
endif()
add_library(vlaq_ort_headers INTERFACE)
target_include_directories(vlaq_ort_headers SYSTEM INTERFACE "${VLAQ_ORT_ROOT}/include")
