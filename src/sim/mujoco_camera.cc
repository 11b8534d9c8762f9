#include "sim/mujoco_camera.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "sim/mujoco_errors.h"

namespace vlaq::sim {
namespace {

constexpr int kMaxGeoms = 64;

// Worlds run side by side on threads of their own; Mesa's further threads would only fight them.
void DrawOnThisThread() {
  static std::once_flag once;
  std::call_once(once, [] { setenv("LP_NUM_THREADS", "0", 0); });  // NOLINT(concurrency-mt-unsafe): once, before GL
}

}  // namespace

Camera::Camera(const mjModel& model, int width, int height) : model_(model) {
  image_.Reset(width, height);
  upside_down_.resize(image_.rgb.size());
  surface_.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * 4);
  mjv_defaultScene(&scene_);
  mjv_defaultOption(&option_);
  mjr_defaultContext(&context_);
}

Camera::~Camera() {
  if (gl_ == nullptr) return;
  if (MakeCurrent().ok()) mjr_freeContext(&context_);
  mjv_freeScene(&scene_);
  OSMesaDestroyContext(gl_);
}

Status Camera::MakeCurrent() {
  if (OSMesaMakeCurrent(gl_, surface_.data(), GL_UNSIGNED_BYTE, image_.width, image_.height) == GL_TRUE) return {};
  return Error{ErrorCode::kBackend, "OSMesa refused its context", "sim", ""};
}

Result<std::unique_ptr<Camera>> Camera::Open(const mjModel& model, int width, int height) {
  DrawOnThisThread();
  std::unique_ptr<Camera> camera(new Camera(model, width, height));
  camera->gl_ = OSMesaCreateContextExt(OSMESA_RGBA, 24, 8, 0, nullptr);
  if (camera->gl_ == nullptr) return Error{ErrorCode::kBackend, "OSMesa made no context", "sim", ""};
  VLAQ_RETURN_IF_ERROR(camera->MakeCurrent());
  VLAQ_RETURN_IF_ERROR(WithMujoco([&]() -> Status {
    mjv_makeScene(&model, &camera->scene_, kMaxGeoms);
    mjr_makeContext(&model, &camera->context_, mjFONTSCALE_50);
    mjr_setBuffer(mjFB_OFFSCREEN, &camera->context_);
    return {};
  }));
  if (camera->context_.currentBuffer != mjFB_OFFSCREEN) {
    return Error{ErrorCode::kBackend, "OSMesa has no off-screen buffer", "sim", ""};
  }
  camera->scene_.flags[mjRND_SHADOW] = 0;  // three to eight times the time, and of no use to a policy
  camera->scene_.flags[mjRND_REFLECTION] = 0;
  return camera;
}

Status Camera::Shoot(mjData& data, int camera) {
  VLAQ_RETURN_IF_ERROR(MakeCurrent());
  return WithMujoco([&]() -> Status {
    mjvCamera view;
    mjv_defaultCamera(&view);
    view.type = mjCAMERA_FIXED;
    view.fixedcamid = camera;
    mjv_updateScene(&model_, &data, &option_, nullptr, &view, mjCAT_ALL, &scene_);
    const mjrRect rectangle{0, 0, image_.width, image_.height};
    mjr_render(rectangle, &scene_, &context_);
    mjr_readPixels(upside_down_.data(), nullptr, rectangle, &context_);
    // OpenGL's first row is the lowest.
    const auto row = static_cast<ptrdiff_t>(image_.width) * 3;
    for (ptrdiff_t y = 0; y < image_.height; ++y) {
      std::copy_n(upside_down_.begin() + (image_.height - 1 - y) * row, row, image_.rgb.begin() + y * row);
    }
    return {};
  });
}

}  // namespace vlaq::sim
