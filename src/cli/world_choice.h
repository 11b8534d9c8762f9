// The options that say what the simulated world is like, shared by the commands that drive in it.
#pragma once

#include "cli/command.h"
#include "sim/world.h"

namespace vlaq::cli {

struct WorldChoice {
  std::string size = "224x126";
  std::string frame_loss = "on", noise = "on", dynamics = "on";

  void AddTo(CLI::App& app);
  // Errors: kUsage for a size that is none.
  Result<sim::WorldOptions> Options() const;
};

}  // namespace vlaq::cli
