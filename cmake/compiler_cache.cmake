# ccache, where it is installed and nobody chose another launcher. Of precompiled headers it must believe that only their
# content matters.
find_program(VLAQ_CCACHE ccache)
if(VLAQ_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${VLAQ_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${VLAQ_CCACHE}")
  if(VLAQ_PRECOMPILE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${VLAQ_CCACHE}")
  endif()
endif()
