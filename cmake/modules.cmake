# Reads cmake/modules.txt and gives vlaq_module(), which makes one static library per module and links exactly the modules
# that the file allows.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/modules.txt" _module_lines REGEX "^[a-z]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/modules.txt")
# A line "families/*" stands for each folder there that has no line of its own.
set(_named "")
foreach(_line IN LISTS _module_lines)
  string(REGEX MATCH "^([a-z0-9_/]+):" _ "${_line}")
  list(APPEND _named "${CMAKE_MATCH_1}")
endforeach()
file(GLOB _folders CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/src/families/*/CMakeLists.txt")
set(VLAQ_FAMILIES "")
foreach(_folder IN LISTS _folders)
  get_filename_component(_folder "${_folder}" DIRECTORY)
  if(NOT _folder IN_LIST _named)
    list(APPEND VLAQ_FAMILIES "${_folder}")
  endif()
endforeach()
set(VLAQ_MODULES "")
foreach(_line IN LISTS _module_lines)
  string(REGEX MATCH "^([a-z0-9_/]+[*]?):[ ]*(.*)$" _ "${_line}")
  set(_modules "${CMAKE_MATCH_1}")
  string(REPLACE "families/*" "${VLAQ_FAMILIES}" _dependencies "${CMAKE_MATCH_2}")
  string(REPLACE " " ";" _dependencies "${_dependencies}")
  string(REPLACE "families/*" "${VLAQ_FAMILIES}" _modules "${_modules}")
  foreach(_to IN LISTS _dependencies)
    if(NOT _to IN_LIST VLAQ_MODULES)
      message(FATAL_ERROR "cmake/modules.txt: '${_modules}' names '${_to}', which does not stand above it")
    endif()
  endforeach()
  foreach(_module IN LISTS _modules)
    list(APPEND VLAQ_MODULES "${_module}")
    set("VLAQ_DEPENDENCIES_${_module}" "${_dependencies}")
  endforeach()
endforeach()

# vlaq_target_name(OUT MODULE): "backend/reference" -> "vlaq_backend_reference"
function(vlaq_target_name out module)
  string(REPLACE "/" "_" _flat "${module}")
  set(${out} "vlaq_${_flat}" PARENT_SCOPE)
endfunction()

# vlaq_test_program(TARGET LABEL SOURCES... LINK ...): a GoogleTest program whose cases ctest lists one by one.
function(vlaq_test_program target label)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_LINK} vlaq_warnings GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE VLAQ_TESTDATA="${PROJECT_SOURCE_DIR}/testdata")
  target_compile_options(${target} PRIVATE ${VLAQ_TEST_OPTIONS})
  if(VLAQ_PRECOMPILE AND NOT TARGET vlaq_test_headers)
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/test_headers.cc" CONTENT "")
    add_library(vlaq_test_headers OBJECT "${PROJECT_BINARY_DIR}/test_headers.cc")
    target_link_libraries(vlaq_test_headers PRIVATE vlaq_base vlaq_warnings GTest::gmock)
    target_compile_options(vlaq_test_headers PRIVATE ${VLAQ_TEST_OPTIONS})
    vlaq_precompile(vlaq_test_headers HEADERS <gmock/gmock.h> <gtest/gtest.h>)
  endif()
  vlaq_precompile(${target} FROM vlaq_test_headers)
  if(GTest_VERSION VERSION_LESS 1.12)
    target_compile_options(${target} PRIVATE -include "${PROJECT_SOURCE_DIR}/cmake/compat/gmock_span.h")
  endif()
  gtest_discover_tests(${target} PROPERTIES LABELS ${label} DISCOVERY_TIMEOUT 60)
  # The labels that the test preset asan runs: those whose every step is code of ours, and not for long.
  if(label MATCHES "^(unit|thread|corruption|golden)$")
    add_dependencies(sanitized_tests ${target})
  endif()
endfunction()

# For builds that compile each source alone (preset dev): headers that most sources need and that take a second or more to
# read. The command line, whose own library takes four, and the tests have more. Sources name what they need all the same:
# without this option nothing differs.
set(_common_headers "${PROJECT_SOURCE_DIR}/src/base/json.h" <fmt/format.h> <algorithm> <functional> <map> <string> <vector>)

# vlaq_precompile(TARGET [HEADERS further ones...]) or vlaq_precompile(TARGET FROM OTHER), which takes what OTHER has.
function(vlaq_precompile target)
  cmake_parse_arguments(ARG "" "FROM" "HEADERS" ${ARGN})
  if(NOT VLAQ_PRECOMPILE)
    return()
  elseif(ARG_FROM)
    target_precompile_headers(${target} REUSE_FROM ${ARG_FROM})
  else()
    target_precompile_headers(${target} PRIVATE ${ARG_HEADERS} ${_common_headers})
  endif()
endfunction()

# vlaq_join_module(TARGET MODULE SOURCES...): for builds from nothing (VLAQ_JOIN). Most of the time of a compiler goes into
# headers, which all modules share, so modules are compiled together: those that the public API stands on, and those of the
# program alone, each once lightly and once fully optimized. TARGET then stands for the archive that its sources are in.
set(_joined_batch 45)  # sources of one compiler run: more would take more than 2 GB of memory
function(vlaq_join_module target module)
  set(_for program)
  vlaq_stands_on(_is_below api "${module}")
  if(_is_below)
    set(_for library)
  endif()
  set(_level full)
  if(module IN_LIST VLAQ_TEXT_MODULES)
    set(_level text)
  endif()
  # All modules of one such archive are of one level, so the first says how it is compiled.
  set(_joined "vlaq_joined_${_for}_${_level}")
  if(NOT TARGET ${_joined})
    add_library(${_joined} STATIC)
    set_target_properties(${_joined} PROPERTIES UNITY_BUILD_BATCH_SIZE "${_joined_batch}")
    vlaq_compile_module(${_joined} "${module}")
  endif()
  list(TRANSFORM ARGN PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  target_sources(${_joined} PRIVATE ${ARGN})
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE ${_joined})
  set_target_properties(${target} PROPERTIES VLAQ_ARCHIVE ${_joined})
endfunction()

# vlaq_stands_on(OUT FROM MODULE): whether FROM is MODULE or may, over any number of dependencies, include it.
function(vlaq_stands_on out from module)
  set(_reached "${from}")
  set(_left "${from}")
  while(_left)
    list(POP_FRONT _left _next)
    foreach(_to IN LISTS "VLAQ_DEPENDENCIES_${_next}")
      if(NOT _to IN_LIST _reached)
        list(APPEND _reached "${_to}")
        list(APPEND _left "${_to}")
      endif()
    endforeach()
  endwhile()
  set(${out} FALSE PARENT_SCOPE)
  if(module IN_LIST _reached)
    set(${out} TRUE PARENT_SCOPE)
  endif()
endfunction()

# How the sources of a module are compiled.
function(vlaq_compile_module target module)
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src" "${PROJECT_BINARY_DIR}/generated")
  target_link_libraries(${target} PRIVATE vlaq_warnings)
  if(module IN_LIST VLAQ_TEXT_MODULES)
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:-O1>")
  endif()
endfunction()

# vlaq_module(MODULE [COMPUTES] [ALONE] SOURCES a.cc b.cc [TESTS a_test.cc ...] [THREAD_TESTS c_test.cc ...] [LINK fmt::fmt ...] [TEST_LINK ...])
# Sources lie beside the CMakeLists.txt that calls it. COMPUTES: its tests take many times longer without optimization, so the
# sanitizers' builds, which go without, optimize this one. ALONE: compiled by itself in every build, since its CMakeLists.txt
# says more of its target or sources. LINK names libraries from outside the project, TEST_LINK what only
# the tests need. TESTS become one program, vlaq_<module>_test, with the label "unit"; THREAD_TESTS, the tests of code that
# runs on several threads, become vlaq_<module>_thread_test with the label "thread" and run under ThreadSanitizer too.
function(vlaq_module module)
  cmake_parse_arguments(ARG "COMPUTES;ALONE" "" "SOURCES;TESTS;THREAD_TESTS;LINK;TEST_LINK" ${ARGN})
  if(NOT module IN_LIST VLAQ_MODULES)
    message(FATAL_ERROR "module '${module}' is not in cmake/modules.txt")
  endif()
  vlaq_target_name(_target "${module}")
  if(VLAQ_JOIN AND NOT ARG_ALONE)
    vlaq_join_module(${_target} "${module}" ${ARG_SOURCES})
    get_target_property(_archive ${_target} VLAQ_ARCHIVE)
  else()
    add_library(${_target} STATIC ${ARG_SOURCES})
    vlaq_compile_module(${_target} "${module}")
    set_target_properties(${_target} PROPERTIES VLAQ_ARCHIVE ${_target})
    set(_archive ${_target})
  endif()
  target_link_libraries(${_archive} PUBLIC ${ARG_LINK})
  foreach(_to IN LISTS "VLAQ_DEPENDENCIES_${module}")
    vlaq_target_name(_to_target "${_to}")
    target_link_libraries(${_archive} PUBLIC ${_to_target})
  endforeach()
  if(ARG_COMPUTES AND VLAQ_SANITIZER)
    target_compile_options(${_archive} PRIVATE -O1)
  endif()
  if(VLAQ_JOIN)
    # Everything is in few compiler runs already.
  elseif(module STREQUAL base)
    vlaq_precompile(${_target})
  elseif(module STREQUAL cli)
    vlaq_precompile(${_target} HEADERS <CLI/CLI.hpp>)
  else()
    vlaq_precompile(${_target} FROM vlaq_base)
  endif()
  if(ARG_TESTS AND VLAQ_BUILD_TESTS)
    vlaq_test_program(${_target}_test unit SOURCES ${ARG_TESTS} LINK ${_target} ${ARG_TEST_LINK})
  endif()
  if(ARG_THREAD_TESTS AND VLAQ_BUILD_TESTS)
    vlaq_test_program(${_target}_thread_test thread SOURCES ${ARG_THREAD_TESTS} LINK ${_target} ${ARG_TEST_LINK})
    add_dependencies(thread_tests ${_target}_thread_test)
  endif()
endfunction()

# vlaq_family_table(TARGET STATIC|OBJECT families/a ...): a library with the table of these families, families::All(). Each has
# a function families::FOLDER_family(). A program with a table of its own (OBJECT) has those instead of the usual ones.
function(vlaq_family_table target type)
  set(_declared "")
  set(_listed "")
  foreach(_family IN LISTS ARGN)
    get_filename_component(_name "${_family}" NAME)
    string(APPEND _declared "const Family& ${_name}_family();\n")
    string(APPEND _listed "&${_name}_family(), ")
  endforeach()
  set(_file "${PROJECT_BINARY_DIR}/generated/families/${target}.cc")
  file(CONFIGURE OUTPUT "${_file}" @ONLY CONTENT "// Written by CMake: the families of this program.
#include <array>

#include \"families/family.h\"

namespace vlaq::families {

@_declared@
std::span<const Family* const> All() {
  static const std::array all{@_listed@};
  return all;
}

}  // namespace vlaq::families
")
  add_library(${target} ${type} "${_file}")
  target_link_libraries(${target} PRIVATE vlaq_warnings PUBLIC vlaq_families)
  foreach(_family IN LISTS ARGN)
    vlaq_target_name(_family_target "${_family}")
    target_link_libraries(${target} PUBLIC ${_family_target})
  endforeach()
endfunction()
