// Renders what a MuJoCo camera sees into memory, on the CPU (OSMesa), without a display.
#pragma once

#include <GL/osmesa.h>
#include <mujoco/mujoco.h>

#include <memory>
#include <vector>

#include "base/status.h"
#include "image/image.h"

namespace vlaq::sim {

class Camera {
 public:
  // `model` must outlive the camera. Errors: kBackend if there is no off-screen context.
  static Result<std::unique_ptr<Camera>> Open(const mjModel& model, int width, int height);
  ~Camera();
  Camera(const Camera&) = delete;
  Camera& operator=(const Camera&) = delete;

  // Renders camera number `camera` into image().
  Status Shoot(mjData& data, int camera);
  image::Image& image() { return image_; }

 private:
  Camera(const mjModel& model, int width, int height);
  Status MakeCurrent();

  const mjModel& model_;
  OSMesaContext gl_ = nullptr;
  std::vector<unsigned char> surface_;  // RGBA that OSMesa insists on; the picture is drawn off-screen
  mjvScene scene_{};
  mjvOption option_{};
  mjrContext context_{};
  std::vector<unsigned char> upside_down_;
  image::Image image_;
};

}  // namespace vlaq::sim
