# Everything from outside, found once. script/setup installs all of it.

# Where the system's libonnx is too old (Ubuntu 22.04), script/setup has built one here.
if(EXISTS "${PROJECT_SOURCE_DIR}/.deps/onnx")
  list(PREPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/.deps/onnx")
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
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
if(VLAQ_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()

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
