#include "verify/step_inputs.h"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "evaluate/bundle_policy.h"
#include "policy/value_shapes.h"
#include "runtime/features.h"
#include "tensor/convert.h"

namespace vlaq::verify {
namespace {

using backend::NamedTensors;
using policy::Policy;

constexpr size_t kFewestSteps = 3, kMaxSteps = 17;
constexpr int64_t kOpenExtent = 4;
constexpr uint64_t kNoiseStream = 90;

Tensor NoiseOf(const policy::Input& input, uint64_t stream, uint64_t seed) {
  Shape shape = input.shape;
  for (int64_t& extent : shape) extent = extent < 0 ? kOpenExtent : extent;
  Random random(seed, stream);
  Tensor tensor = Tensor::Make(input.dtype, shape);
  if (IsFloat(input.dtype)) {
    Tensor floats = Tensor::Make(DType::kF32, shape);
    for (float& x : floats.mutable_data<float>()) x = static_cast<float>(random.Uniform(-1.8, 2.1));
    if (IsConvertible(DType::kF32, input.dtype)) {
      static_cast<void>(Convert(DType::kF32, floats.bytes(), input.dtype, tensor.mutable_bytes()));
    }
    return tensor;
  }
  // Whole numbers of any width, the lowest byte first.
  const size_t width = std::max<size_t>(1, DTypeBits(input.dtype) / 8);
  const MutableBytes bytes = tensor.mutable_bytes();
  std::ranges::fill(bytes, std::byte{0});
  for (size_t at = 0; at < bytes.size(); at += width) {
    uint64_t value = at == 0 || input.dtype == DType::kBool ? 1 : random.Below(2);
    if (input.dtype == DType::kU8) value = random.Below(256);
    bytes[at] = static_cast<std::byte>(value);
  }
  return tensor;
}

// Steps of a set of episodes, of which the one that was read last is open.
class EpisodeReader {
 public:
  EpisodeReader(const Policy& policy, data::EpisodeSet episodes, runtime::FeatureReader features)
      : wanted_(evaluate::WantedOf(policy)), episodes_(std::move(episodes)), features_(std::move(features)) {}

  Status FindBegins() {
    for (size_t i = 0; i < episodes_.size(); ++i) {
      VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes_.OpenEpisode(i));
      begins_.push_back(steps_);
      steps_ += static_cast<size_t>(episode->length());
    }
    return {};
  }
  size_t steps() const { return steps_; }
  const std::vector<size_t>& begins() const { return begins_; }

  Result<NamedTensors> Read(size_t step) {
    const auto after = std::ranges::upper_bound(begins_, step);
    const auto index = static_cast<size_t>(after - begins_.begin()) - 1;
    if (open_ == nullptr || index != open_index_) VLAQ_RETURN_IF_ERROR(Open(index));
    VLAQ_ASSIGN_OR_RETURN(const auto observed,
                          open_->ReadObservation(match_, static_cast<int64_t>(step - begins_[index])));
    return features_.Read(observed);
  }

 private:
  Status Open(size_t index) {
    open_.reset();
    VLAQ_ASSIGN_OR_RETURN(auto episode, episodes_.OpenEpisode(index));
    auto match = data::MatchFeatures(wanted_, episode->streams());
    if (!match.ok()) return Within(episode->path().string(), match.error());
    match_ = *std::move(match);
    open_ = std::move(episode);
    open_index_ = index;
    return {};
  }

  std::vector<data::WantedFeature> wanted_;
  data::EpisodeSet episodes_;
  runtime::FeatureReader features_;
  std::vector<size_t> begins_;  // the first step of each episode
  size_t steps_ = 0;
  std::unique_ptr<data::Episode> open_;
  size_t open_index_ = 0;
  std::map<std::string, std::string> match_;  // of the open one
};

}  // namespace

StepInputs NoiseSteps(const Policy& policy, uint64_t seed) {
  StepInputs inputs;
  inputs.steps =
      std::clamp(static_cast<size_t>(policy::LongestWindow(policy).value_or(0)) + 1, kFewestSteps, kMaxSteps);
  inputs.what = "steps of noise";
  inputs.noise = true;
  const auto shared = std::make_shared<const Policy>(policy);
  inputs.read = [shared, seed](size_t step) -> Result<NamedTensors> {
    NamedTensors values;
    for (size_t i = 0; i < shared->inputs.size(); ++i) {
      const policy::Input& input = shared->inputs[i];
      if (input.type == policy::InputType::kNoise || input.type == policy::InputType::kText) continue;
      values.emplace(input.name, NoiseOf(input, kNoiseStream + i + step * shared->inputs.size(), seed));
    }
    return values;
  };
  return inputs;
}

Result<StepInputs> EpisodeSteps(const Policy& policy, const data::EpisodeSet& episodes) {
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader features, runtime::FeatureReader::Make(policy));
  const auto reader = std::make_shared<EpisodeReader>(policy, episodes, std::move(features));
  VLAQ_RETURN_IF_ERROR(reader->FindBegins());
  StepInputs inputs;
  inputs.steps = reader->steps();
  inputs.what = "recorded frames";
  inputs.begins = std::set<size_t>(reader->begins().begin(), reader->begins().end());
  inputs.begins.erase(0);
  inputs.read = [reader](size_t step) { return reader->Read(step); };
  return inputs;
}

}  // namespace vlaq::verify
