// The MuJoCo model that all layouts share, and how a layout changes it: sizes, places, colors, light, camera.
#pragma once

#include <mujoco/mujoco.h>

#include <memory>

#include "base/status.h"
#include "sim/layout.h"

namespace vlaq::sim {

struct ModelDeleter {
  void operator()(mjModel* model) const { mj_deleteModel(model); }
};
struct DataDeleter {
  void operator()(mjData* data) const { mj_deleteData(data); }
};
using ModelPtr = std::unique_ptr<mjModel, ModelDeleter>;
using DataPtr = std::unique_ptr<mjData, DataDeleter>;

// The base's joints, in the order of qpos, qvel and ctrl: x, y, yaw.
inline constexpr int kJoints = 3;

class Scene {
 public:
  // Compiles the model for a picture of that size. Errors: kBackend with MuJoCo's own words.
  static Result<Scene> Make(int width, int height);

  void Apply(const Layout& layout);
  // Shakes the camera about its mount for this frame; rad.
  void TiltCamera(double pitch, double roll);
  // True if the base touches a box.
  bool Touches(const mjData& data) const;

  mjModel& model() const { return *model_; }
  int camera() const { return camera_; }

 private:
  Scene() = default;
  void Place(int geom, double x, double y, double z, std::array<double, 3> size);

  ModelPtr model_;
  Look look_;
  int camera_ = 0, base_ = 0, floor_ = 0, bottle_ = 0, light_ = 0;
  std::array<int, 2> boxes_{};
  std::array<int, 3> walls_{};
  std::array<int, kFloorTextures> floor_materials_{};
  std::array<int, kBoxTextures> box_materials_{};
};

}  // namespace vlaq::sim
