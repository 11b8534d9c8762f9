// The options of verbs that speak of a device: which one, and in which power mode.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"
#include "target/devices.h"

namespace vlaq::cli {

struct DeviceChoice {
  std::string name;  // of a device that vlaq knows, or a .json file
  std::string power;

  void AddTo(CLI::App& app, bool required);
  // Errors: kUsage for a name that is not known, kInput for a file that is none.
  Result<target::Device> Read() const;
  // The mode that was asked for, or all of them. Errors: kUsage.
  Result<std::vector<target::PowerMode>> Modes(const target::Device& device) const;
};

}  // namespace vlaq::cli
