# cmake --install build/release --prefix FOLDER: the program and the ONNX Runtime it was tested with. The program looks
# in ../lib beside itself first, so FOLDER can be moved, or copied to a machine without this repository. Component
# "program" is all of it but ONNX Runtime, which script/package leaves to the board.

# vlaq_carry(COMPONENT SONAME PATH...): that of the shared libraries at PATH which programs ask for by this name, for a
# package where nothing is the system's.
function(vlaq_carry component soname)
  string(REGEX REPLACE "[.]so[.].*$" "[.]so$" file "${soname}")
  set(library ${ARGN})
  list(FILTER library INCLUDE REGEX "/${file}")
  get_filename_component(library "${library}" REALPATH)
  install(PROGRAMS "${library}" DESTINATION lib COMPONENT ${component} RENAME "${soname}")
endfunction()

if(TARGET vlaq)
  install(TARGETS vlaq RUNTIME DESTINATION bin COMPONENT program)
  install(TARGETS vlaq_sentencepiece LIBRARY DESTINATION lib COMPONENT program)
  file(GLOB _ort_library "${VLAQ_ORT_ROOT}/lib/libonnxruntime.so*")
  install(FILES ${_ort_library} DESTINATION lib COMPONENT onnxruntime)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/vlaq COMPONENT program)
  if(VLAQ_STATIC_LIBRARIES)
    # Two libraries have no archive.
    vlaq_carry(program libsentencepiece.so.0 ${SENTENCEPIECE_LINK_LIBRARIES})
    if(VLAQ_HAVE_DDS)
      vlaq_carry(program libddsc.so.0debian ${CYCLONEDDS_LINK_LIBRARIES})
      # libddsc looks there, beside its own folder, for what it wants.
      install(TARGETS vlaq_no_iceoryx LIBRARY DESTINATION lib/aarch64-linux-gnu COMPONENT program NAMELINK_SKIP)
      add_dependencies(vlaq vlaq_no_iceoryx)
    endif()
  endif()
  # What `bench torch:CHECKPOINT` and `golden` start, for a Python that VLAQ_PYTHON names.
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/python/" DESTINATION share/vlaq/python COMPONENT program
    FILES_MATCHING PATTERN "*.py" PATTERN "requirements.txt" PATTERN "__pycache__" EXCLUDE)
endif()
