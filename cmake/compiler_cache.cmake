# ccache, where it is installed and nobody chose another launcher.
find_program(VLAQ_CCACHE ccache)
if(VLAQ_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${VLAQ_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${VLAQ_CCACHE}")
endif()
