# The public API, include/vlaq/, as a library for programs of other projects, with what find_package(vlaq) reads:
#   vlaq::vlaq    libvlaq.so, which shows what the public headers declare and hides all else (library.map)
#   vlaq::static  libvlaq.a, the modules that it needs in one archive; what they use from outside is named, not inside
# With VLAQ_STATIC_LIBRARIES only the archive, which then holds the libraries from .deps as well; vlaq::vlaq is that one.
# All of it is component "development": a package of the program stays without. Sanitized builds have none of it.
if(VLAQ_SANITIZER)
  return()
endif()
include(CMakePackageConfigHelpers)
set(_config_folder lib/cmake/vlaq)

if(NOT VLAQ_STATIC_LIBRARIES)
  # Objects, not archives, of the modules that the headers speak of: a linker leaves out what the library itself does not use.
  set(_archives "")
  foreach(_module IN ITEMS api tensor base)
    get_target_property(_archive "vlaq_${_module}" VLAQ_ARCHIVE)
    list(APPEND _archives "${_archive}")
  endforeach()
  list(REMOVE_DUPLICATES _archives)
  list(TRANSFORM _archives REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
  add_library(vlaq_shared SHARED ${_archives})
  target_link_libraries(vlaq_shared PRIVATE vlaq_api)
  set(_map "${CMAKE_CURRENT_LIST_DIR}/library.map")
  target_link_options(vlaq_shared PRIVATE "-Wl,--version-script=${_map}" -Wl,--as-needed -Wl,-z,defs)
  target_compile_features(vlaq_shared INTERFACE cxx_std_20)
  # Before 1.0 a minor version may change the interface.
  set_target_properties(vlaq_shared PROPERTIES OUTPUT_NAME vlaq EXPORT_NAME vlaq LINKER_LANGUAGE CXX LINK_DEPENDS "${_map}"
    VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}"
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}" INSTALL_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH ON)
  install(TARGETS vlaq_shared EXPORT vlaq LIBRARY DESTINATION lib COMPONENT development NAMELINK_COMPONENT development
    INCLUDES DESTINATION include)
  install(EXPORT vlaq NAMESPACE vlaq:: FILE vlaqTargets.cmake DESTINATION ${_config_folder} COMPONENT development)
endif()

# Appends to _vlaq_linked, a global property, the files and options that linking `item` takes, once each.
function(_vlaq_gather item)
  string(REGEX REPLACE "^[$]<LINK_ONLY:(.*)>$" "\\1" item "${item}")
  get_property(_seen GLOBAL PROPERTY _vlaq_seen)
  # CMake marks what a target was linked to from another folder's CMakeLists.txt, as joined modules are: "::@(...)".
  if(item STREQUAL "" OR item MATCHES "^::@" OR item IN_LIST _seen)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY _vlaq_seen "${item}")
  if(NOT TARGET "${item}")
    set_property(GLOBAL APPEND PROPERTY _vlaq_linked "${item}")
    return()
  endif()
  get_target_property(_type "${item}" TYPE)
  if(NOT _type STREQUAL INTERFACE_LIBRARY)
    set_property(GLOBAL APPEND PROPERTY _vlaq_linked "$<TARGET_FILE:${item}>")
  endif()
  get_target_property(_needs "${item}" INTERFACE_LINK_LIBRARIES)
  if(_needs)
    foreach(_need IN LISTS _needs)
      _vlaq_gather("${_need}")
    endforeach()
  endif()
endfunction()

# Archives of the build are merged into one, and what else is needed becomes names, when they are there: merge_archives.cmake.
_vlaq_gather(vlaq_api)
get_property(_linked GLOBAL PROPERTY _vlaq_linked)
list(JOIN _linked "\n" _linked)
set(_list "${PROJECT_BINARY_DIR}/generated/vlaq_static.txt")
file(GENERATE OUTPUT "${_list}" CONTENT "${_linked}\n")
set(_archive "${PROJECT_BINARY_DIR}/libvlaq.a")
set(_static_config "${PROJECT_BINARY_DIR}/generated/vlaqStatic.cmake")
add_custom_command(OUTPUT "${_archive}" "${_static_config}"
  COMMAND "${CMAKE_COMMAND}" "-DLIST=${_list}" "-DARCHIVE=${_archive}" "-DCONFIG=${_static_config}" "-DAR=${CMAKE_AR}"
    "-DINSIDE=${PROJECT_BINARY_DIR}$<SEMICOLON>${PROJECT_SOURCE_DIR}/.deps" -P "${CMAKE_CURRENT_LIST_DIR}/merge_archives.cmake"
  DEPENDS "${_list}" "${CMAKE_CURRENT_LIST_DIR}/merge_archives.cmake"
  COMMENT "Merging archives into libvlaq.a" VERBATIM)
get_property(_seen GLOBAL PROPERTY _vlaq_seen)
foreach(_item IN LISTS _seen)
  if(_item MATCHES "^vlaq_" AND TARGET ${_item})
    get_target_property(_type ${_item} TYPE)
    if(_type STREQUAL STATIC_LIBRARY)
      add_custom_command(OUTPUT "${_archive}" APPEND DEPENDS ${_item} "$<TARGET_FILE:${_item}>")
    endif()
  endif()
endforeach()
# A cross-compiled program is built far more often than a program against it.
if(CMAKE_CROSSCOMPILING)
  add_custom_target(vlaq_static DEPENDS "${_archive}")
else()
  add_custom_target(vlaq_static ALL DEPENDS "${_archive}")
endif()
install(FILES "${_archive}" DESTINATION lib COMPONENT development)

write_basic_package_version_file("${PROJECT_BINARY_DIR}/generated/vlaqConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_LIST_DIR}/vlaqConfig.cmake" "${PROJECT_BINARY_DIR}/generated/vlaqConfigVersion.cmake"
  "${_static_config}" DESTINATION ${_config_folder} COMPONENT development)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/vlaq" DESTINATION include COMPONENT development FILES_MATCHING PATTERN "*.h")
# What the library loads when an instruction is tokenized.
install(TARGETS vlaq_sentencepiece LIBRARY DESTINATION lib COMPONENT development)
if(VLAQ_STATIC_LIBRARIES)
  vlaq_carry(development libsentencepiece.so.0 ${SENTENCEPIECE_LINK_LIBRARIES})
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/vlaq COMPONENT development)
