// Tensors as a .safetensors file, for programs that read no other format of ours.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/output.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::checkpoint {

// By name, in that order. Errors: kUsage if the file is there and may not be replaced; kInput with the system's reason,
// or for a type that safetensors has no name for.
Status WriteSafetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                        Existing existing = Existing::kReplace);

}  // namespace vlaq::checkpoint
