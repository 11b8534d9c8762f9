#include "engine/board.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/machine.h"
#include "base/mapped_file.h"
#include "base/system_files.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;

// Entries of a folder whose names hold `part`, in order.
std::vector<fs::path> Holding(const fs::path& folder, std::string_view part) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().find(part) != std::string::npos) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// "pmode:0003 fmode:fanNull" and, in nvpmodel.conf, "< POWER_MODEL ID=3 NAME=25W >".
std::optional<std::string> PowerMode(const fs::path& root) {
  const std::string status = FirstLine(root / "var/lib/nvpmodel/status").value_or("");
  const size_t at = status.find("pmode:");
  if (at == std::string::npos) return std::nullopt;
  const int mode = std::atoi(status.c_str() + at + 6);
  std::ifstream conf(root / "etc/nvpmodel.conf");
  const std::string id = fmt::format("ID={} ", mode);
  for (std::string line; std::getline(conf, line);) {
    const size_t name = line.find("NAME=");
    if (line.find("POWER_MODEL") == std::string::npos || line.find(id) == std::string::npos ||
        name == std::string::npos)
      continue;
    return line.substr(name + 5, line.find_first_of(" >", name) - name - 5);
  }
  return std::to_string(mode);
}

constexpr size_t kElfMachineAt = 18;
constexpr unsigned kAarch64 = 183;

}  // namespace

Board ReadBoard(const fs::path& root) {
  Board board;
  board.architecture = ThisMachine().architecture;
  board.model = FirstLine(root / "proc/device-tree/model").value_or("");
  std::string release = FirstLine(root / "etc/nv_tegra_release").value_or("");
  release.erase(0, release.find_first_not_of("# "));
  board.release = release.substr(0, release.find(", GCID"));
  std::error_code ignored;
  for (const char* device : {"dev/nvhost-gpu", "dev/nvgpu", "dev/nvmap"}) {
    board.gpu = board.gpu || fs::exists(root / device, ignored);
  }
  board.power_mode = PowerMode(root);
  return board;
}

BoardReading ReadState(const fs::path& root) {
  BoardReading reading;
  const auto mhz = [](const fs::path& path) {
    const auto hz = FirstNumber(path);
    return hz ? std::optional(*hz / 1e6) : std::nullopt;
  };
  // JetPack 6 calls it 17000000.gpu, earlier ones 17000000.ga10b.
  for (const char* name : {".gpu", "ga10b"}) {
    for (const fs::path& device : Holding(root / "sys/class/devfreq", name)) {
      if (!reading.gpu_mhz) reading.gpu_mhz = mhz(device / "cur_freq");
    }
  }
  reading.memory_mhz = mhz(root / "sys/kernel/debug/bpmp/debug/clk/emc/rate");  // for root alone
  for (const fs::path& zone : EntriesBeginning(root / "sys/class/thermal", "thermal_zone")) {
    std::string type = FirstLine(zone / "type").value_or("");
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!type.starts_with("gpu")) continue;
    if (const auto milli = FirstNumber(zone / "temp")) reading.gpu_c = *milli / 1e3;
  }
  reading.input_w = BoardInputWatts(root);
  return reading;
}

Result<Tool> DescribeTool(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  const Bytes bytes = file->bytes();
  const std::string_view text = AsText(bytes);
  Tool tool{path, Sha256Hex(bytes), bytes.size(), false, false};
  const auto byte = [&](size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  tool.board_program = bytes.size() > kElfMachineAt + 1 &&
                       text.starts_with(
                           "\x7f"
                           "ELF") &&
                       (byte(kElfMachineAt) | byte(kElfMachineAt + 1) << 8U) == kAarch64;
  // Linked to it, or loaded by name: either way the name is in the program.
  tool.uses_tensorrt = text.find("libnvinfer") != std::string_view::npos;
  return tool;
}

std::vector<std::string> WhyNotMeasured(const Board& board, const Tool& tool, const ToolLog& log) {
  std::vector<std::string> why;
  const auto require = [&why](bool holds, std::string reason) {
    if (!holds) why.push_back(std::move(reason));
  };
  require(board.architecture == "aarch64", fmt::format("vlaq runs on {}, not on a Jetson", board.architecture));
  require(board.model.find("NVIDIA") != std::string::npos, "the device tree names no NVIDIA board");
  require(!board.release.empty(), "there is no /etc/nv_tegra_release");
  require(board.gpu, "the GPU's driver is not there");
  require(tool.board_program, fmt::format("{} is no aarch64 program", tool.path.string()));
  require(tool.uses_tensorrt, fmt::format("{} does not use TensorRT's library", tool.path.string()));
  require(!log.stand_in, "the tool says that it is a stand-in");
  return why;
}

}  // namespace vlaq::engine
