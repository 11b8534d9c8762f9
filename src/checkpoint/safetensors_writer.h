// One tensor as a .safetensors file, for programs that read no other format of ours.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::checkpoint {

// Replaces what is there. `name` is plain text that JSON need not escape. Errors: kInput with the system's reason.
Status WriteSafetensors(const std::filesystem::path& path, std::string_view name, const Tensor& tensor);

}  // namespace vlaq::checkpoint
