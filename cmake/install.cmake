# cmake --install build/release --prefix FOLDER: the program and the ONNX Runtime it was tested with. The program looks
# in ../lib beside itself first, so FOLDER can be moved, or copied to a machine without this repository.
if(TARGET vlaq)
  install(TARGETS vlaq RUNTIME DESTINATION bin)
  install(TARGETS vlaq_sentencepiece LIBRARY DESTINATION lib)
  file(GLOB _ort_library "${VLAQ_ORT_ROOT}/lib/libonnxruntime.so*")
  install(FILES ${_ort_library} DESTINATION lib)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/vlaq)
  # What `bench torch:CHECKPOINT` starts, for a Python that VLAQ_PYTHON names.
  install(FILES "${PROJECT_SOURCE_DIR}/python/torch_policy.py" "${PROJECT_SOURCE_DIR}/python/torch_worker.py"
    "${PROJECT_SOURCE_DIR}/python/requirements.txt" DESTINATION share/vlaq/python)
endif()
