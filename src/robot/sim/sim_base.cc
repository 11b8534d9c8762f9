#include "robot/sim/sim_base.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ros2/codec.h"
#include "ros2/stamp.h"

namespace vlaq::robot::sim {
namespace {

namespace msg = vlaq::ros2;
using vlaq::sim::World;

constexpr auto kPatience = std::chrono::seconds(10);
// Commands of two periods at 1 kHz.
constexpr msg::Qos kEveryCommand{1000, msg::Reliability::kReliable};

Error NobodyThere(const std::string& topic) {
  return {ErrorCode::kBackend, "nobody listens", topic, "DDS needs the loopback interface; vlaq doctor"};
}

}  // namespace

Result<std::unique_ptr<SimBase>> SimBase::Open(const vlaq::sim::WorldOptions& world, const msg::NodeOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(auto opened, World::Open(world));
  VLAQ_ASSIGN_OR_RETURN(auto node, msg::Node::Open(options));
  auto base = std::unique_ptr<SimBase>(new SimBase(std::move(opened), std::move(node)));
  VLAQ_ASSIGN_OR_RETURN(base->camera_, base->node_->Advertise(kCameraTopic, msg::Image::kType, msg::kDefaultQos));
  VLAQ_ASSIGN_OR_RETURN(base->task_, base->node_->Advertise(kTaskTopic, msg::String::kType, msg::kDefaultQos));
  VLAQ_ASSIGN_OR_RETURN(base->commands_, base->node_->Subscribe(kCommandTopic, msg::Twist::kType, kEveryCommand));
  return base;
}

Status SimBase::Begin(uint64_t seed) {
  VLAQ_RETURN_IF_ERROR(world_->Reset(vlaq::sim::MakeLayout(seed)));
  trace_ = {};
  trace_.layout = world_->layout();
  trace_.end = world_->state();
  orders_.clear();
  while (commands_->Take()) {
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (camera_->subscribers() == 0 || task_->subscribers() == 0 || commands_->publishers() == 0) {
    if (std::chrono::steady_clock::now() > deadline) return NobodyThere(camera_->topic());
    node_->Wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
  }
  return task_->Publish(msg::Encode(msg::String{world_->layout().instruction}));
}

Status SimBase::Shoot(int64_t stamp) {
  VLAQ_ASSIGN_OR_RETURN(const image::ImageView frame, world_->Observe());
  image::Image kept;
  kept.Reset(frame.width, frame.height);
  std::ranges::copy(frame.rgb, kept.rgb.begin());
  trace_.points.push_back({world_->state(), world_->FrameLost(), std::move(kept)});
  msg::Image image;
  image.header = {msg::TimeOf(stamp), "camera"};
  image.height = static_cast<uint32_t>(frame.height);
  image.width = static_cast<uint32_t>(frame.width);
  image.encoding = "rgb8";
  image.step = 3 * image.width;
  image.data = std::as_bytes(std::span(frame.rgb));
  return camera_->Publish(msg::EncodeInto(image, buffer_));
}

Result<int> SimBase::TakeOrders(double at, int expected) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  int taken = 0;
  while (true) {
    while (const auto message = commands_->Take()) {
      VLAQ_ASSIGN_OR_RETURN(const auto twist, msg::Decode<msg::Twist>(message->cdr()));
      const vlaq::sim::Velocity command{twist.linear.x, twist.linear.y, twist.angular.z};
      if (orders_.empty() || orders_.back().command != command) orders_.push_back({at, command});
      ++taken;
    }
    if (taken >= expected) return taken;
    if (std::chrono::steady_clock::now() > deadline) return NobodyThere(commands_->topic());
    node_->Wait(deadline);
  }
}

Status SimBase::Step() {
  Status stepped = world_->Step(std::span<const World::Order>(orders_));
  // What was ordered last is still in force.
  if (!orders_.empty()) orders_ = {{0, orders_.back().command}};
  trace_.end = world_->state();
  return stepped;
}

bool SimBase::succeeded() const { return vlaq::sim::Succeeded(world_->state(), world_->layout().side); }

}  // namespace vlaq::robot::sim
