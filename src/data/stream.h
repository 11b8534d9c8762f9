// What an episode holds, by feature name: which streams there are, one step of them, and which of them a policy's
// inputs are. Plain data. Not aware of: files, policies.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace vlaq::data {

// The stream of what was done.
inline constexpr std::string_view kAction = "action";
// What was observed has names that begin so.
inline constexpr std::string_view kObservationPrefix = "observation.";

struct Stream {
  std::string name = {};                // "observation.images.front", "observation.state", "action"
  DType dtype = DType::kF32;            // of pictures kU8, of anything else kF32
  Shape shape = {};                     // of one step: a picture is [H, W, 3], RGB
  std::vector<std::string> names = {};  // of the elements of the last axis, if known: "shoulder"
  std::vector<std::string> units = {};  // theirs, if known: "rad", "m/s"
  std::optional<double> rate_hz = {};   // steps a second, if known
  // Elements at the end of the last axis that the file lacks; they are read as 0.
  int64_t filled = 0;

  bool is_image() const { return dtype == DType::kU8; }
  bool is_observation() const { return name.starts_with(kObservationPrefix); }
};

// One step by feature name: pictures uint8 [H, W, 3], RGB; anything else float32 of its stream's shape.
using Observation = std::map<std::string, Tensor>;

// An input that shall be filled from episodes.
struct WantedFeature {
  std::string name;
  bool is_image = false;
};

// Wanted name -> name of the stream that it is: of the same name, or with "observation." (of pictures also
// "observation.images.") before it; or, where both sides have exactly one picture, that one.
// Errors: kInput naming the feature that is missing, and the streams that there are.
Result<std::map<std::string, std::string>> MatchFeatures(const std::vector<WantedFeature>& wanted,
                                                         std::span<const Stream> streams);

// What one step holds, as streams: of names, types and shapes.
std::vector<Stream> StreamsOf(const Observation& observation);

// "observation.images.top uint8 [480, 640, 3], action float32 [14]", for messages.
std::string StreamsText(std::span<const Stream> streams);

}  // namespace vlaq::data
