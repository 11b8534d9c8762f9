// Frames to calibrate on, by episode and step, with what identifies each episode. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "episode/episode_set.h"
#include "image/frames.h"

namespace vlaq::calibration {

struct SampleEpisode {
  std::string name;
  int64_t length = 0;       // frames
  std::string instruction;  // empty: none
};

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual const std::vector<SampleEpisode>& episodes() const = 0;
  // The hash of an episode's content, as `vlaq episodes split` has it. Reads all of its frames, the first time. Errors:
  // kInput naming the file.
  virtual Result<std::string> Hash(size_t episode) = 0;
  // 0 <= t < length of the episode. Errors: kInput naming the file.
  virtual Result<image::Frame> Read(size_t episode, int64_t t) = 0;
};

// Recorded episodes. Errors: kInput.
Result<std::unique_ptr<SampleSource>> FromEpisodes(episode::EpisodeSet set);

// Pictures in order, as one episode without an instruction, `name`.
std::unique_ptr<SampleSource> FromFrames(std::unique_ptr<image::FrameSource> frames, std::string name);

}  // namespace vlaq::calibration
