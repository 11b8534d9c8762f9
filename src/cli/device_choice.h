// The options of commands that speak of a device: which one, and in which power mode (cost::FindBoard).
#pragma once

#include <string>

#include "cli/command.h"

namespace vlaq::cli {

struct DeviceChoice {
  std::string name;  // of a device that vlaq knows, or a .json file
  std::string power;

  void AddTo(CLI::App& app, bool required);
};

}  // namespace vlaq::cli
