// What kind of policy a bundle holds, where commands go different ways.
#pragma once

#include "bundle/bundle.h"

namespace vlaq::cli {

// Made of ONNX files as they were, not by a family that reads checkpoints: then files and recordings are what it can be
// held against, and every step of its inputs is shown to it.
bool IsMadeOfFiles(const bundle::Bundle& bundle);

}  // namespace vlaq::cli
