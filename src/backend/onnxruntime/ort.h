// The only include of ONNX Runtime's headers. Its C++ wrapper is initialized by hand (LoadLibrary), because nothing is
// linked. Private to this module.
#pragma once

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>
#undef ORT_API_MANUAL_INIT
