#include "sim/recorder.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/writer.h"
#include "sim/expert.h"
#include "sim/perturbation.h"
#include "sim/progress.h"

namespace vlaq::sim {
namespace {

std::string EpisodeName(const Layout& layout) { return fmt::format("episode_{:09}_{}", layout.seed, layout.name); }

std::vector<float> AsFloats(const Velocity& velocity) { return {velocity.begin(), velocity.end()}; }

std::vector<float> StateRow(const State& state) {
  return {static_cast<float>(state.pose.x), static_cast<float>(state.pose.y), static_cast<float>(state.pose.yaw),
          static_cast<float>(state.velocity_x), static_cast<float>(state.velocity_y)};
}

data::WriterOptions Header(const Layout& layout, const RecordOptions& options) {
  data::WriterOptions header;
  header.name = EpisodeName(layout);
  header.instruction = layout.instruction;
  header.width = options.world.width;
  header.height = options.world.height;
  header.control_period_s = kControlPeriod;
  header.timestamps = true;
  header.compression = options.compression;
  header.extra = {{"simulation/executed", {"linear_x", "linear_y", "angular_z"}},
                  {"simulation/state", {"x", "y", "yaw", "velocity_x", "velocity_y"}},
                  {"simulation/auxiliary", AuxiliaryNames()}};
  header.attributes = {{"obstacle_layout_type", layout.name},
                       {"simulation_seed", fmt::format("{}", layout.seed)},
                       {"simulation_driver", options.pilot != nullptr ? "pilot"
                                             : options.perturb        ? "expert, perturbed"
                                                                      : "expert"}};
  return header;
}

// What a pilot's camera gives at this step: black where frames are lost.
class PilotEye {
 public:
  PilotEye(uint64_t seed, const WorldOptions& options) : lost_(LostFrames(seed)) {
    black_.Reset(options.width, options.height);
    std::ranges::fill(black_.rgb, uint8_t{0});
  }
  image::ImageView See(const image::ImageView& frame, int step) const {
    return lost_[static_cast<size_t>(step)] ? image::ImageView(black_) : frame;
  }

 private:
  std::vector<bool> lost_;
  image::Image black_;
};

}  // namespace

std::string EpisodeFile(const Layout& layout) { return EpisodeName(layout) + ".h5"; }

Result<Recorder> Recorder::Open(const RecordOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(auto world, World::Open(options.world));
  return Recorder(options, std::move(world));
}

Result<Recording> Recorder::Record(uint64_t seed, const std::filesystem::path& folder, Existing existing) {
  const Layout layout = MakeLayout(seed);
  data::WriterOptions header = Header(layout, options_);
  Recording recording{.path = folder / EpisodeFile(layout), .layout = layout.name};
  VLAQ_ASSIGN_OR_RETURN(data::EpisodeWriter writer,
                        data::EpisodeWriter::Create(recording.path, std::move(header), existing));
  Perturbation perturbation(seed);
  VLAQ_RETURN_IF_ERROR(world_->Reset(layout, options_.perturb ? perturbation.Start(layout) : std::nullopt));
  const PilotEye eye(seed, options_.world);
  if (options_.pilot != nullptr) VLAQ_RETURN_IF_ERROR(options_.pilot->Begin(layout.instruction));

  while (!world_->state().done) {
    const State before = world_->state();
    VLAQ_ASSIGN_OR_RETURN(const image::ImageView frame, world_->Observe());
    const Velocity expert = ExpertCommand(layout, before, layout.side);
    Velocity driven = expert;
    if (options_.pilot != nullptr) {
      VLAQ_ASSIGN_OR_RETURN(driven, options_.pilot->Command(eye.See(frame, before.step)));
    }
    if (options_.perturb) driven = perturbation.Disturb(layout, before, driven);
    const data::Event event = before.step == 0 ? data::Event::kEpisodeStart : data::Event::kStartAction;
    const std::vector<float> action = AsFloats(expert);
    const std::vector<std::vector<float>> extra{AsFloats(driven), StateRow(before), AuxiliaryLabels(layout, before)};
    VLAQ_RETURN_IF_ERROR(
        writer.Append(frame, {action[0], action[1], action[2]}, event, extra, before.step * kControlPeriod));
    VLAQ_RETURN_IF_ERROR(world_->Step(driven));
  }
  VLAQ_RETURN_IF_ERROR(writer.Commit());
  recording.steps = world_->state().step;
  recording.succeeded = Succeeded(world_->state(), layout.side);
  recording.collided = world_->state().collided;
  return recording;
}

}  // namespace vlaq::sim
