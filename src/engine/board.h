// Which board this is and what state it is in, and whether what a trtexec said here may be called a measurement.
//
// A figure is measured only if vlaq itself runs on the board, the board shows NVIDIA's own marks, and the tool is a
// program for it that uses TensorRT's library: test equipment (a script, or a program for another machine) is none of
// that, whatever it prints. Read below a root, so that tests can show other machines.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/log.h"

namespace vlaq::engine {

struct Board {
  std::string model;         // of the device tree: "NVIDIA Jetson Orin NX Engineering Reference Developer Kit"
  std::string release;       // "R36 (release), REVISION: 3.0"
  std::string architecture;  // "aarch64"
  bool gpu = false;          // its driver's device is there
  std::optional<std::string> power_mode;  // "MAXN", "25W"; its number where the names are not known
};
Board ReadBoard(const std::filesystem::path& root);

// The chip's state at one moment; what it does not say is absent.
struct BoardReading {
  std::optional<double> gpu_mhz, memory_mhz, gpu_c, input_w;
};
BoardReading ReadState(const std::filesystem::path& root);

struct Tool {
  std::filesystem::path path;
  std::string sha256;
  uint64_t bytes = 0;
  bool board_program = false;  // an ELF program for aarch64
  bool uses_tensorrt = false;  // names TensorRT's library
};
// Errors: kInput if it cannot be read.
Result<Tool> DescribeTool(const std::filesystem::path& path);

// Why nothing said by this tool, on this board, in this log is a measurement; empty: it is one.
std::vector<std::string> WhyNotMeasured(const Board& board, const Tool& tool, const ToolLog& log);

}  // namespace vlaq::engine
