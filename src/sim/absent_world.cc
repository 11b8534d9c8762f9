// Stands in where the build found no MuJoCo or OSMesa.
#include "sim/libraries.h"
#include "sim/world.h"

namespace vlaq::sim {

std::optional<std::string> World::Unavailable() {
  return "vlaq was built without MuJoCo and OSMesa (Debian: libmujoco-dev libosmesa6-dev, then script/build)";
}

Result<std::unique_ptr<World>> World::Open(const WorldOptions& /*options*/) {
  return Error{ErrorCode::kBackend, "there is no simulator in this build", "sim", *Unavailable()};
}

Result<std::vector<LibraryVersion>> Libraries() {
  return Error{ErrorCode::kBackend, "there is no simulator in this build", "sim", *World::Unavailable()};
}

}  // namespace vlaq::sim
