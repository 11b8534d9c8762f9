// The version of TensorRT that a graph is looked at for.
#pragma once

#include "target/tensorrt.h"

namespace vlaq::preflight {

using Version = target::TensorRt;

}  // namespace vlaq::preflight
