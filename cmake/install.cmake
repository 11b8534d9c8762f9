# cmake --install build/release --prefix FOLDER: the program and the ONNX Runtime it was tested with. The program looks
# in ../lib beside itself first, so FOLDER can be moved, or copied to a machine without this repository. Component
# "program" is all of it but ONNX Runtime, which script/package leaves to the board.
if(TARGET vlaq)
  install(TARGETS vlaq RUNTIME DESTINATION bin COMPONENT program)
  install(TARGETS vlaq_sentencepiece LIBRARY DESTINATION lib COMPONENT program)
  file(GLOB _ort_library "${VLAQ_ORT_ROOT}/lib/libonnxruntime.so*")
  install(FILES ${_ort_library} DESTINATION lib COMPONENT onnxruntime)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/vlaq COMPONENT program)
  if(VLAQ_STATIC_LIBRARIES)
    # The one library that has no archive; elsewhere it is the system's. Its file under the name that programs ask for.
    set(_sentencepiece ${SENTENCEPIECE_LINK_LIBRARIES})
    list(FILTER _sentencepiece INCLUDE REGEX "/libsentencepiece[.]so$")
    get_filename_component(_sentencepiece "${_sentencepiece}" REALPATH)
    install(PROGRAMS "${_sentencepiece}" DESTINATION lib COMPONENT program RENAME libsentencepiece.so.0)
  endif()
  # What `bench torch:CHECKPOINT` and `golden` start, for a Python that VLAQ_PYTHON names.
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/python/" DESTINATION share/vlaq/python COMPONENT program
    FILES_MATCHING PATTERN "*.py" PATTERN "requirements.txt" PATTERN "__pycache__" EXCLUDE)
endif()
