// The world in MuJoCo. One control period is 40 steps of 10 ms.
#include <algorithm>
#include <cmath>
#include <deque>

#include "base/random.h"
#include "sim/mujoco_camera.h"
#include "sim/mujoco_errors.h"
#include "sim/mujoco_scene.h"
#include "sim/progress.h"
#include "sim/world.h"

namespace vlaq::sim {
namespace {

constexpr uint64_t kNoiseStream = 4;
constexpr double kActuatorNoise = 0.02;  // m/s, standard deviation, held for a control period
constexpr double kTurnNoise = 0.02;      // rad/s
constexpr double kVibration = 0.004;     // rad, of the camera, per frame

class MujocoWorld : public World {
 public:
  MujocoWorld(const WorldOptions& options, Scene scene)
      : options_(options), scene_(std::move(scene)), data_(mj_makeData(&scene_.model())), random_(0) {}

  Status OpenCamera() {
    VLAQ_ASSIGN_OR_RETURN(camera_, Camera::Open(scene_.model(), options_.width, options_.height));
    return {};
  }

  Status Reset(const Layout& layout, std::optional<Pose> start) override {
    return WithMujoco([&]() -> Status {
      layout_ = layout;
      scene_.Apply(layout);
      mj_resetData(&scene_.model(), data_.get());
      state_ = StartState(layout, start.value_or(layout.start));
      data_->qpos[0] = state_.pose.x;
      data_->qpos[1] = state_.pose.y;
      data_->qpos[2] = state_.pose.yaw;
      random_ = Random(layout.seed, kNoiseStream);
      lost_ = LostFrames(layout.seed);
      in_force_ = {};
      pending_.clear();
      observed_ = false;
      mj_forward(&scene_.model(), data_.get());
      return {};
    });
  }

  bool FrameLost() const override { return options_.frame_loss && lost_[static_cast<size_t>(state_.step)]; }

  Result<image::ImageView> Observe() override {
    if (!observed_) {
      if (FrameLost()) {
        std::ranges::fill(camera_->image().rgb, uint8_t{0});
      } else {
        VLAQ_RETURN_IF_ERROR(Shoot());
      }
      observed_ = true;
    }
    return image::ImageView(camera_->image());
  }

  Status Step(std::span<const Order> orders) override {
    if (state_.done) return UsageError("the episode is over", "Reset() the world");
    return WithMujoco([&]() -> Status {
      Drive(orders);
      return {};
    });
  }

  const State& state() const override { return state_; }
  const Layout& layout() const override { return layout_; }

 private:
  Status Shoot() {
    if (options_.noise) {
      // Random in step number, not in call order: a policy cannot change what the camera does.
      Random shake(layout_.seed, kNoiseStream + 0x100 + static_cast<uint64_t>(state_.step));
      scene_.TiltCamera(kVibration * shake.Normal(), kVibration * shake.Normal());
      VLAQ_RETURN_IF_ERROR(WithMujoco([&]() -> Status {
        mj_forward(&scene_.model(), data_.get());
        return {};
      }));
    }
    return camera_->Shoot(*data_, scene_.camera());
  }

  // Speed limit of the base, then what its motors make of the command.
  Velocity Actuated(Velocity command, const Velocity& noise) const {
    const double speed = std::hypot(command[0], command[1]);
    const double scale = speed > kMaxSpeed ? kMaxSpeed / speed : 1.0;
    Velocity result{command[0] * scale, command[1] * scale, command[2]};
    if (!options_.noise) return result;
    for (size_t i = 0; i < result.size(); ++i) result[i] = result[i] * layout_.base.gain[i] + noise[i];
    return result;
  }
  Velocity NoiseOfThisPeriod() {
    if (!options_.noise) return {};
    Velocity noise{};
    noise[0] = kActuatorNoise * random_.Normal();
    noise[1] = kActuatorNoise * random_.Normal();
    noise[2] = kTurnNoise * random_.Normal();
    return noise;
  }

  void Drive(std::span<const Order> orders) {
    const Velocity noise = NoiseOfThisPeriod();
    const double step_s = scene_.model().opt.timestep;
    const auto substeps = static_cast<int>(std::lround(kControlPeriod / step_s));
    const auto dead = options_.dynamics ? static_cast<int>(std::lround(layout_.base.dead_time_s / step_s)) : 0;
    for (const Order& order : orders) {
      pending_.push_back({static_cast<int>(std::lround(order.at / step_s)) + dead, Actuated(order.command, noise)});
    }
    for (int i = 0; i < substeps && !state_.done; ++i) {
      for (; !pending_.empty() && pending_.front().at <= i; pending_.pop_front()) in_force_ = pending_.front().velocity;
      Substep();
      const Pose pose{data_->qpos[0], data_->qpos[1], data_->qpos[2]};
      Advance(layout_, pose, state_);
      state_.collided = scene_.Touches(*data_);
      state_.done = state_.collided || state_.reached;
    }
    for (Pending& pending : pending_) pending.at -= substeps;
    state_.velocity_x = data_->qvel[0];
    state_.velocity_y = data_->qvel[1];
    ++state_.step;
    state_.done = state_.done || state_.step >= kMaxSteps;
    observed_ = false;
  }

  // The motors push in the world's axes what was commanded in the robot's.
  void Substep() {
    const double yaw = data_->qpos[2];
    const std::array<double, kJoints> wanted{std::cos(yaw) * in_force_[0] - std::sin(yaw) * in_force_[1],
                                             std::sin(yaw) * in_force_[0] + std::cos(yaw) * in_force_[1], in_force_[2]};
    for (size_t i = 0; i < wanted.size(); ++i) {
      data_->ctrl[i] = wanted[i];
      if (!options_.dynamics) data_->qvel[i] = wanted[i];
    }
    mj_step(&scene_.model(), data_.get());
  }

  WorldOptions options_;
  Scene scene_;
  DataPtr data_;
  std::unique_ptr<Camera> camera_;
  Layout layout_;
  State state_;
  Random random_;
  std::vector<bool> lost_;
  struct Pending {
    int at;  // substep of this period
    Velocity velocity;
  };
  std::deque<Pending> pending_;  // what the motors were told and do not do yet
  Velocity in_force_{};
  bool observed_ = false;
};

}  // namespace

std::optional<std::string> World::Unavailable() { return std::nullopt; }

Result<std::unique_ptr<World>> World::Open(const WorldOptions& options) {
  if (options.width < 16 || options.height < 16 || options.width > 4096 || options.height > 4096) {
    return UsageError("the camera's sides must be 16 to 4096 pixels");
  }
  VLAQ_ASSIGN_OR_RETURN(Scene scene, Scene::Make(options.width, options.height));
  auto world = std::make_unique<MujocoWorld>(options, std::move(scene));
  VLAQ_RETURN_IF_ERROR(world->OpenCamera());
  VLAQ_RETURN_IF_ERROR(world->Reset(MakeLayout(0), std::nullopt));
  return std::unique_ptr<World>(std::move(world));
}

}  // namespace vlaq::sim
