// Where the Python with PyTorch is, which the program itself does without.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/status.h"

namespace vlaq::cli {

// The folder of python/torch_worker.py: in the sources that the program was built from, or installed beside it.
std::optional<std::filesystem::path> PythonFolder();

// VLAQ_PYTHON, or what script/pytorch made; nothing if there is no such file.
std::optional<std::filesystem::path> TorchPython();

struct TorchTools {
  std::filesystem::path python, folder;
};
// Both. Errors: kBackend naming `what_for`, with how to get them.
Result<TorchTools> RequireTorch(const std::string& what_for);

}  // namespace vlaq::cli
