#include "cli/device_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cost/devices.h"

namespace vlaq::cli {

void DeviceChoice::AddTo(CLI::App& app, bool required) {
  CLI::Option* device = app.add_option("--device", name,
                                       fmt::format("{}, or a .json file that describes another (docs/devices.md)",
                                                   fmt::join(cost::DeviceNames(), ", ")))
                            ->type_name("NAME|FILE")
                            ->required(required);
  app.add_option("--power", power, "Power mode, as nvpmodel names it; all of them if left out")
      ->type_name("MODE")
      ->needs(device);
}

}  // namespace vlaq::cli
