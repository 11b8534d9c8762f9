// Records episodes in the simulator: a driver moves the base, the expert's command at every state is what is written
// down as the action. Without perturbations the expert drives himself; with them the base is pushed off his way, and a
// pilot (a policy that is learning) may drive instead, so that the data shows how to come back.
//
// In scope: one episode to one file. Not aware of sets of episodes, of policies. One thread a recorder.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/output.h"
#include "sim/world.h"

namespace vlaq::sim {

// Somebody who drives by what the camera shows.
class Pilot {
 public:
  virtual ~Pilot() = default;
  virtual Status Begin(const std::string& instruction) = 0;
  virtual Result<Velocity> Command(const image::ImageView& frame) = 0;
};

struct RecordOptions {
  WorldOptions world;
  // Drifting and kicked commands, starts off the way; the strength is drawn per episode.
  bool perturb = false;
  // Drives in place of the expert if not null; sees lost frames as a robot would, whatever the file holds.
  Pilot* pilot = nullptr;
  int compression = 4;  // gzip level of the images
};

struct Recording {
  std::filesystem::path path;
  std::string layout;
  int steps = 0;
  bool succeeded = false;
  bool collided = false;
};

// "episode_<seed>_<layout>.h5", under which an episode is recorded.
std::string EpisodeFile(const Layout& layout);

class Recorder {
 public:
  // Errors: those of World::Open.
  static Result<Recorder> Open(const RecordOptions& options);

  // Drives the layout of `seed` and writes EpisodeFile() into `folder`. Besides the original's datasets
  // the file has timestamp [T] (simulated seconds), simulation/executed [T, 3] (the command that was driven),
  // simulation/state [T, 5] (x, y, yaw, velocity_x, velocity_y) and simulation/auxiliary (expert.h). Errors: kUsage if
  // the file exists; kInput, kBackend.
  Result<Recording> Record(uint64_t seed, const std::filesystem::path& folder, Existing existing);

 private:
  Recorder(RecordOptions options, std::unique_ptr<World> world) : options_(options), world_(std::move(world)) {}
  RecordOptions options_;
  std::unique_ptr<World> world_;
};

}  // namespace vlaq::sim
