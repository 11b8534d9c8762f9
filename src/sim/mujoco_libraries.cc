#include <GL/osmesa.h>
#include <fmt/format.h>
#include <mujoco/mujoco.h>

#include "sim/libraries.h"

namespace vlaq::sim {

Result<std::vector<LibraryVersion>> Libraries() {
  return std::vector<LibraryVersion>{
      {"MuJoCo", mj_versionString(), "simulated robot"},
      {"OSMesa", fmt::format("{}.{}", OSMESA_MAJOR_VERSION, OSMESA_MINOR_VERSION), "its camera"}};
}

}  // namespace vlaq::sim
