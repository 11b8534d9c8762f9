# find_package(vlaq): vlaq::vlaq, and vlaq::static, all of it in the program (its libraries from outside must be installed).
get_filename_component(_vlaq_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/vlaqTargets.cmake")
  include("${CMAKE_CURRENT_LIST_DIR}/vlaqTargets.cmake")
endif()
if(NOT TARGET vlaq::static)
  include("${CMAKE_CURRENT_LIST_DIR}/vlaqStatic.cmake")
  add_library(vlaq::static STATIC IMPORTED)
  set_target_properties(vlaq::static PROPERTIES
    IMPORTED_LOCATION "${_vlaq_prefix}/lib/libvlaq.a"
    IMPORTED_LINK_INTERFACE_LANGUAGES CXX
    INTERFACE_INCLUDE_DIRECTORIES "${_vlaq_prefix}/include"
    INTERFACE_COMPILE_FEATURES cxx_std_20
    INTERFACE_LINK_LIBRARIES "${_vlaq_static_needs}")
  unset(_vlaq_static_needs)
endif()
if(NOT TARGET vlaq::vlaq)
  add_library(vlaq::vlaq INTERFACE IMPORTED)
  set_target_properties(vlaq::vlaq PROPERTIES INTERFACE_LINK_LIBRARIES vlaq::static)
endif()
unset(_vlaq_prefix)
