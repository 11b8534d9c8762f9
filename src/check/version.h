// The version of TensorRT that a graph is looked at for.
#pragma once

#include "target/tensorrt.h"

namespace vlaq::check {

using Version = target::TensorRt;

}  // namespace vlaq::check
