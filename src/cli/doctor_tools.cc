#include "cli/doctor_tools.h"

#include <fmt/format.h>

#include "base/run_program.h"
#include "base/system_files.h"
#include "cli/torch_python.h"
#include "engine/board.h"
#include "engine/build.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;

// Where loaders look on Debian, Ubuntu and JetPack.
constexpr std::string_view kLibraryFolders[] = {
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu/nvidia",
    "usr/lib/aarch64-linux-gnu/tegra",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib64",
    "usr/local/lib",
    "usr/local/cuda/lib64",
    "opt/tensorrt/lib",
};

// "8.6.1 (/usr/lib/...)" of the file whose name says most about its version.
std::string FindLibrary(const fs::path& root, const std::string& name) {
  fs::path best;
  for (const std::string_view folder : kLibraryFolders) {
    for (const fs::path& file : EntriesBeginning(root / folder, name)) {
      if (file.filename().string().size() > best.filename().string().size()) best = file;
    }
  }
  if (best.empty()) return "";
  const std::string file = best.filename().string();
  const std::string version = file.size() > name.size() + 1 ? file.substr(name.size() + 1) : "";
  return version.empty() ? best.string() : fmt::format("{} ({})", version, best.parent_path().string());
}

std::string FindTrtexec() {
  const auto builder = engine::FindBuilder("");
  return builder.ok() ? builder->tool.path.string() : "";
}

std::string FindTorch() {
  const auto python = TorchPython();
  if (!python) return "";
  constexpr double kTimeoutS = 10;
  const auto run = RunProgram(
      {python->string(), "-c", "import importlib.metadata as m; print(m.version('torch'), end='')"}, kTimeoutS);
  if (!run.ok() || run->exit_code != 0) return "";
  return fmt::format("{} ({})", run->output, python->string());
}

}  // namespace

std::vector<ToolRow> FindTools(const fs::path& root) {
  const engine::Board board = engine::ReadBoard(root);
  return {
      {"Jetson", board.model, "the board that engines are built and measured on"},
      {"L4T (JetPack)", board.release, "the board's system, which brings CUDA and TensorRT"},
      {"power mode", board.power_mode.value_or(""), "what a measurement on the board is said to be of"},
      {"CUDA driver", FindLibrary(root, "libcuda.so"), "--provider cuda and tensorrt"},
      {"CUDA", FindLibrary(root, "libcudart.so"), "--provider cuda and tensorrt"},
      {"TensorRT", FindLibrary(root, "libnvinfer.so"), "--provider tensorrt, vlaq build"},
      {"trtexec", FindTrtexec(), "vlaq build"},
      {"PyTorch", FindTorch(), "vlaq bench with torch:CHECKPOINT (script/pytorch, or VLAQ_PYTHON)"},
  };
}

}  // namespace vlaq::cli
