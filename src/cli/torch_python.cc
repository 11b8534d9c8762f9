#include "cli/torch_python.h"

#include <cstdlib>

#include "base/run_program.h"

namespace vlaq::cli {

namespace fs = std::filesystem;

namespace {

// A checkout has a script for it; beside an installed vlaq lies the list of what is needed.
std::string HowToInstall(const std::optional<fs::path>& folder) {
  if (!folder) return "set VLAQ_PYTHON to a Python that has PyTorch and transformers";
  std::error_code ignored;
  if (fs::exists(folder->parent_path() / "script/pytorch", ignored)) {
    return "script/pytorch installs it; or set VLAQ_PYTHON to a Python that has what python/requirements.txt names";
  }
  return "python3 -m venv torch && torch/bin/pip install -r " + ShellWord((*folder / "requirements.txt").string()) +
         ", then set VLAQ_PYTHON=torch/bin/python";
}

}  // namespace

std::optional<fs::path> PythonFolder() {
  std::error_code ignored;
  fs::path at = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (int i = 0; i < 4 && !at.empty(); ++i, at = at.parent_path()) {
    for (const char* below : {"python", "share/vlaq/python"}) {
      if (fs::exists(at / below / "torch_worker.py", ignored)) return at / below;
    }
  }
  return std::nullopt;
}

std::optional<fs::path> TorchPython() {
  const char* chosen = std::getenv("VLAQ_PYTHON");  // NOLINT(concurrency-mt-unsafe)
  const auto folder = PythonFolder();
  fs::path python = chosen != nullptr ? fs::path(chosen)
                    : folder          ? folder->parent_path() / ".deps/torch/bin/python"
                                      : fs::path();
  std::error_code ignored;
  if (python.empty() || !fs::exists(python, ignored)) return std::nullopt;
  return python;
}

Result<TorchTools> RequireTorch(const std::string& what_for) {
  const auto python = TorchPython();
  const auto folder = PythonFolder();
  if (python && folder) return TorchTools{*python, *folder};
  return Error{ErrorCode::kBackend, "PyTorch is not there", what_for, HowToInstall(folder)};
}

}  // namespace vlaq::cli
