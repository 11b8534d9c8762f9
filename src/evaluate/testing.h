// For tests: a policy that writes down what it gets and answers with a function of it, and episodes for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/writer.h"
#include "evaluate/policy_under_test.h"
#include "image/image.h"

namespace vlaq::evaluate {

// What a FakePolicy got.
struct Witness {
  std::vector<std::string> heard;
  std::vector<int> seen;  // first byte of each frame
  std::vector<std::pair<int, int>> sizes;
  bool uniform = true;          // all bytes of every frame were equal
  int forgot = 0;               // calls of Forget()
  std::vector<int> remembered;  // frames since Begin() or Forget(), this one included
  int fail_at_frame = -1;       // of all frames, from 1: this one is an error
};

// What to do, from the frames since the last Begin() or Forget() (first byte of each) and the instruction.
using Brain = std::function<std::vector<float>(const std::vector<int>& frames, const std::string& instruction)>;

class FakePolicy : public PolicyUnderTest {
 public:
  explicit FakePolicy(
      std::shared_ptr<Witness> witness, const ActionSpace& space = {},
      Brain brain =
          [](const std::vector<int>&, const std::string&) {
            return std::vector<float>{0, 0};
          })
      : witness_(std::move(witness)), space_(space), brain_(std::move(brain)) {}

  Status Begin(const std::string& task) override {
    instruction_ = task;
    frames_.clear();
    witness_->heard.push_back(task);
    return {};
  }

  Result<Tensor> Act(const Observation& observation) override {
    const Tensor& frame = observation.begin()->second;  // the first camera, by name
    const auto bytes = frame.data<uint8_t>();
    frames_.push_back(bytes.front());
    witness_->seen.push_back(bytes.front());
    witness_->sizes.emplace_back(frame.shape()[1], frame.shape()[0]);
    for (const uint8_t byte : bytes) witness_->uniform = witness_->uniform && byte == bytes.front();
    witness_->remembered.push_back(static_cast<int>(frames_.size()));
    if (static_cast<int>(witness_->seen.size()) == witness_->fail_at_frame) {
      return Error{ErrorCode::kBackend, "no luck", "", ""};
    }
    return Tensor::From<float>({space_.chunk, space_.action_dim}, brain_(frames_, instruction_));
  }

  Status Forget() override {
    ++witness_->forgot;
    frames_.clear();
    return {};
  }

  const ActionSpace& space() const override { return space_; }
  std::string Description() const override { return "fake"; }

 private:
  std::shared_ptr<Witness> witness_;
  ActionSpace space_;
  Brain brain_;
  std::string instruction_;
  std::vector<int> frames_;
};

// Makes policies with a witness each, so that any number of threads may use them.
class FakeFactory : public PolicyFactory {
 public:
  explicit FakeFactory(Brain brain, const ActionSpace& space = {}, int fail_at_frame = -1)
      : brain_(std::move(brain)), space_(space), fail_at_frame_(fail_at_frame) {}

  Result<std::unique_ptr<PolicyUnderTest>> Make() const override {
    auto witness = std::make_shared<Witness>();
    witness->fail_at_frame = fail_at_frame_;
    return std::unique_ptr<PolicyUnderTest>(new FakePolicy(std::move(witness), space_, brain_));
  }
  std::string name() const override { return "fake policy"; }

 private:
  Brain brain_;
  ActionSpace space_;
  int fail_at_frame_;
};

// A base of the first family, as its policies drive it.
inline ActionSpace BaseSpace(double scale, int64_t chunk = 1) {
  ActionSpace space;
  space.chunk = chunk;
  space.scale = {scale};
  space.names = {"linear_x", "linear_y"};
  space.units = {"m/s", "m/s"};
  space.traits = &families::TraitsOf("kosmos2_lstm");
  return space;
}

// A picture of one gray.
inline image::Image Filled(int width, int height, uint8_t value) {
  image::Image image;
  image.Reset(width, height);
  image.rgb.assign(image.rgb.size(), value);
  return image;
}

// That as what a policy with one camera observes.
inline Observation Seen(const image::Image& frame) {
  return {{"observation.images.front", Tensor::From<uint8_t>({frame.height, frame.width, 3}, frame.rgb)}};
}

// A picture of one gray, and what was done when it was seen.
struct GrayStep {
  int gray = 0;
  data::Command command{};
};
// An episode of such pictures, 8 x 6 pixels. True if it could be written.
inline bool WriteGrayEpisode(const std::filesystem::path& path, const std::string& instruction,
                             const std::vector<GrayStep>& steps) {
  data::WriterOptions options;
  options.name = path.stem().string();
  options.instruction = instruction;
  options.width = 8;
  options.height = 6;
  auto writer = data::EpisodeWriter::Create(path, options, Existing::kRefuse);
  if (!writer.ok()) return false;
  auto event = data::Event::kEpisodeStart;
  for (const GrayStep& step : steps) {
    if (!writer->Append(Filled(8, 6, static_cast<uint8_t>(step.gray)), step.command, event).ok()) return false;
    event = data::Event::kStartAction;
  }
  return writer->Commit().ok();
}

}  // namespace vlaq::evaluate
