// Which frames of which episodes a calibration looks at. Pure function of lengths, number and seed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace vlaq::calibrate {

struct Sample {
  size_t episode = 0;
  int64_t t = 0;
  int half = 0;         // 0 or 1; each holds half of the samples, of any episode and phase
  bool window = false;  // what runs after windows runs here too, on the steps up to t
};

// Fewer give ranges by chance.
inline constexpr int64_t kMinSamples = 2;
// Below, a warning: other tools advise 300 to 500, but a picture has hundreds of rows.
inline constexpr int64_t kSensibleSamples = 64;

// What runs after a window sees one value a step, and a window of W steps costs W - 1 more runs of what makes them: it
// runs at one sample in eight, and at 16 at least.
int64_t WindowsFor(int64_t samples);

// As many from each episode as their lengths allow, and from each as many equal phases, one frame at random in each; in
// the order of episode and time. Errors: kInput if there are fewer frames than that or `count` is below kMinSamples.
Result<std::vector<Sample>> SampleFrames(std::span<const int64_t> lengths, int64_t count, uint64_t seed);

}  // namespace vlaq::calibrate
