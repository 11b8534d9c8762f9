#include "world.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "ros2/codec.h"
#include "ros2/dds_participant.h"
#include "ros2/names.h"
#include "ros2/stamp.h"

namespace vlaq::faults {
namespace {

constexpr uint32_t kWidth = 64, kHeight = 48;  // pixels
constexpr milliseconds kRangePeriod{50};
constexpr size_t kKept = 100'000;  // commands: half an hour's

int64_t TimeOfDay() { return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count(); }

ros2::Discovery OnThisMachine(int domain) { return {domain, ros2::DiscoveryRange::kLocalhost, {}, ""}; }

// Unlike that of any other number.
std::vector<std::byte> Picture(uint64_t number, uint32_t width) {
  std::vector<std::byte> bytes(size_t{3} * width * kHeight);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((number >> (i % 8)) + 5 * i);
  return bytes;
}

}  // namespace

// Sends bytes that are no picture under the name of the camera's topic and type. A Publisher of ours refuses to.
class World::Malformed {
 public:
  static Result<std::unique_ptr<Malformed>> Make(int domain) {
    auto made = std::make_unique<Malformed>();
    VLAQ_ASSIGN_OR_RETURN(made->participant_, ros2::OpenParticipant(OnThisMachine(domain)));
    VLAQ_ASSIGN_OR_RETURN(made->topic_, ros2::MakeTopic(*made->participant_, ros2::DdsTopicName("/camera/image_raw"),
                                                        *ros2::DdsTypeName(ros2::Image::kType), nullptr));
    made->writer_ = ros2::DdsEntity(
        ros2::Dds().dds_create_writer(made->participant_->entity.get(), made->topic_.entity.get(),
                                      ros2::MakeQos({5, ros2::Reliability::kBestEffort}).get(), nullptr));
    return made;
  }
  // An image that ends before its pixels do.
  void Write() {
    ros2::Image image;
    image.height = kHeight;
    image.width = kWidth;
    image.encoding = "rgb8";
    image.step = 3 * kWidth;
    const auto pixels = Picture(1, kWidth);
    image.data = pixels;
    std::vector<std::byte> bytes = ros2::Encode(image);
    bytes.resize(bytes.size() / 2 / 4 * 4);
    if (ddsi_serdata* sample = ros2::MakeRawSample(*topic_.type, bytes); sample != nullptr) {
      ros2::Dds().dds_writecdr(writer_.get(), sample);
    }
  }

 private:
  std::shared_ptr<ros2::Participant> participant_;
  ros2::DdsTopic topic_;
  ros2::DdsEntity writer_;
};

World::World(std::unique_ptr<ros2::Node> node) : node_(std::move(node)) {}

Result<std::unique_ptr<World>> World::Open(int domain) {
  ros2::NodeOptions options;
  options.discovery = OnThisMachine(domain);
  VLAQ_ASSIGN_OR_RETURN(auto node, ros2::Node::Open(options));
  std::unique_ptr<World> world(new World(std::move(node)));
  VLAQ_RETURN_IF_ERROR(world->Advertise(domain));
  World* const raw = world.get();
  raw->feeder_ = std::thread([raw] { raw->Feed(); });
  raw->listener_ = std::thread([raw] { raw->Listen(); });
  return world;
}

World::~World() {
  ended_ = true;
  if (feeder_.joinable()) feeder_.join();
  if (listener_.joinable()) listener_.join();
}

Status World::Advertise(int domain) {
  const ros2::Qos sensor{5, ros2::Reliability::kBestEffort};
  VLAQ_ASSIGN_OR_RETURN(camera_, node_->Advertise("/camera/image_raw", ros2::Image::kType, sensor));
  VLAQ_ASSIGN_OR_RETURN(range_, node_->Advertise("/scan", ros2::LaserScan::kType, sensor));
  VLAQ_ASSIGN_OR_RETURN(malformed_, Malformed::Make(domain));
  VLAQ_RETURN_IF_ERROR(SetOperator(true));
  return SetBase(true);
}

void World::Say(const std::string& order) {
  if (operator_ != nullptr) static_cast<void>(operator_->Publish(ros2::Encode(ros2::String{order})));
}

Status World::SetOperator(bool there) {
  operator_.reset();
  if (!there) return {};
  VLAQ_ASSIGN_OR_RETURN(operator_, node_->Advertise("/vlaq/operator", ros2::String::kType, ros2::kDefaultQos));
  return {};
}

Status World::SetBase(bool there) {
  const std::scoped_lock lock(mutex_);
  commands_.reset();
  if (!there) return {};
  VLAQ_ASSIGN_OR_RETURN(commands_,
                        node_->Subscribe("/cmd_vel", ros2::Twist::kType, {100, ros2::kDefaultQos.reliability}));
  return {};
}

void World::Feed() {
  auto next_picture = Clock::now();
  auto next_scan = next_picture;
  auto next_malformed = next_picture;
  while (!ended_) {
    const auto now = Clock::now();
    if (now >= next_picture) {
      if (!camera.stalls) Shoot();
      // One that is late is left out, as a camera does.
      next_picture = std::max(next_picture + std::chrono::microseconds(1'000'000 / camera.rate_hz), now);
    }
    if (now >= next_scan) {
      if (!range_silent) Scan();
      next_scan = std::max(next_scan + kRangePeriod, now);
    }
    // Those that a late wake left out follow, so that it is 1,000 a second.
    for (; camera.malformed && next_malformed <= now; next_malformed += milliseconds(1)) malformed_->Write();
    if (!camera.malformed) next_malformed = now;
    std::this_thread::sleep_for(milliseconds(1));
  }
}

void World::Shoot() {
  if (!camera.frozen) ++pictures_;
  ros2::Image image;
  const int64_t now = TimeOfDay() + camera.clock_offset_ns;
  backward_stamp_ = camera.backwards ? backward_stamp_ - 1'000'000 : now;
  image.header.stamp = ros2::TimeOf(backward_stamp_);
  image.height = kHeight;
  image.width = camera.resized ? kWidth / 2 : kWidth;
  image.encoding = "rgb8";
  image.step = 3 * image.width;
  auto pixels = Picture(pictures_, image.width);
  if (camera.black) std::ranges::fill(pixels, std::byte{0});
  image.data = pixels;
  static_cast<void>(camera_->Publish(ros2::Encode(image)));
}

void World::Scan() {
  ros2::LaserScan scan;
  scan.range_min = 0.05F;
  scan.range_max = 10;
  scan.ranges = {3, range_m, 3};
  static_cast<void>(range_->Publish(ros2::Encode(scan)));
}

void World::Listen() {
  while (!ended_) {
    {
      const std::scoped_lock lock(mutex_);
      while (auto message = commands_ == nullptr ? std::nullopt : commands_->Take()) {
        const auto twist = ros2::Decode<ros2::Twist>(message->cdr());
        // What cannot be read counts as motion: it must not pass for a stop.
        const bool moves = !twist.ok() || twist->linear.x != 0 || twist->linear.y != 0 || twist->angular.z != 0;
        if (heard_.size() < kKept) heard_.push_back({message->received(), moves});
      }
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
}

std::optional<Heard> World::Await(bool moves, Clock::time_point since, Clock::time_point deadline) {
  while (true) {
    for (const Heard& heard : Since(since)) {
      if (heard.moves == moves) return heard;
    }
    if (Clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(milliseconds(2));
  }
}

std::vector<Heard> World::Since(Clock::time_point since) {
  const std::scoped_lock lock(mutex_);
  auto first = heard_.end();
  while (first != heard_.begin() && std::prev(first)->at >= since) --first;
  return {first, heard_.end()};
}

}  // namespace vlaq::faults
