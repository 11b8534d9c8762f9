// What a calibration shows a policy: observations by episode and step, with what identifies each episode. One thread at
// a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "data/episode_set.h"
#include "image/frames.h"

namespace vlaq::calibrate {

struct SampleEpisode {
  std::string name;
  int64_t length = 0;                      // steps
  std::optional<std::string> instruction;  // absent: the one that the bundle was made with
};

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual const std::vector<SampleEpisode>& episodes() const = 0;
  // The hash of an episode's content, as `vlaq data split` has it. Reads all of its steps, the first time. Errors:
  // kInput naming the file.
  virtual Result<std::string> Hash(size_t episode) = 0;
  // What is observed at step t, by feature, as runtime::FeatureReader reads it; 0 <= t < length of the episode. Errors:
  // kInput naming the file.
  virtual Result<backend::NamedTensors> Read(size_t episode, int64_t t) = 0;
  // For messages: "frame 4 of e0.h5".
  virtual std::string NameOf(size_t episode, int64_t t) const;
};

// Recorded episodes; `wanted`: what the policy observes. Errors: kInput, also naming the feature that an episode lacks
// and the streams that it has.
Result<std::unique_ptr<SampleSource>> FromEpisodes(data::EpisodeSet set, std::vector<data::WantedFeature> wanted);

// Pictures in order, as one episode without an instruction, `name`.
std::unique_ptr<SampleSource> FromFrames(std::unique_ptr<image::FrameSource> frames, std::string name,
                                         std::string camera);

}  // namespace vlaq::calibrate
