#include "cli/device_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "target/device_file.h"

namespace vlaq::cli {

void DeviceChoice::AddTo(CLI::App& app, bool required) {
  CLI::Option* device = app.add_option("--device", name,
                                       fmt::format("{}, or a .json file that describes another (docs/devices.md)",
                                                   fmt::join(target::DeviceNames(), ", ")))
                            ->type_name("NAME|FILE")
                            ->required(required);
  app.add_option("--power", power, "Power mode, as nvpmodel names it; all of them if left out")
      ->type_name("MODE")
      ->needs(device);
}

Result<target::Device> DeviceChoice::Read() const {
  if (std::filesystem::path(name).extension() == ".json") return target::ReadDevice(name);
  VLAQ_ASSIGN_OR_RETURN(const target::Device* device, target::FindDevice(name));
  return *device;
}

Result<std::vector<target::PowerMode>> DeviceChoice::Modes(const target::Device& device) const {
  if (power.empty()) return device.modes;
  VLAQ_ASSIGN_OR_RETURN(const target::PowerMode* mode, device.FindMode(power));
  return std::vector<target::PowerMode>{*mode};
}

}  // namespace vlaq::cli
