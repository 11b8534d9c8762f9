// A robot policy, ready to run: observations in, actions out. The whole of vlaq that a robot's program needs.
//
//   auto policy = vlaq::Policy::Open("policy");
//   if (!policy.ok()) return Fail(policy.error());
//   policy->Reset("go to the bottle");
//   while (driving) {
//     auto action = policy->Act({{"observation.images.front", frame}});   // uint8 [H, W, 3]
//     ...
//   }
//
// A Policy is used by one thread at a time; several may be open. Nothing is printed; nothing is thrown.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vlaq/status.h"
#include "vlaq/tensor.h"

namespace vlaq {

// What a robot observes in one control step, by the names of Policy::inputs().
//   image  uint8 [H, W, 3], red first, of any size: resized and normalized as the policy was trained; or a tensor that
//          is already as the graph takes it
//   state  numbers of any type, in the feature's units; of the feature's shape, a batch axis of 1 in front allowed
//   noise  may be left out: it is drawn
//   memory what a recurrent policy keeps from step to step, with its batch axis: left out, but where an episode begins
//   in
//          the middle
//   text   is not part of it: see Reset()
using Observation = std::map<std::string, Tensor>;

enum class FeatureType { kImage, kState, kText, kNoise, kMemory, kAction };
std::string_view Name(FeatureType type);  // "image", "state", ...

// An input or an output of a policy.
struct Feature {
  std::string name;  // "observation.images.front", "observation.state", "task", "action"
  FeatureType type = FeatureType::kState;
  DType dtype = DType::kF32;  // as the graph takes or gives it
  Shape shape;                // without batch axis; -1: any extent; of an action [chunk, dim]; of a text empty
  std::vector<std::string> names,
      units;  // of the elements of the last axis, where the policy says so: "shoulder", "rad"
};

struct PolicyOptions {
  std::string schedule;                 // one of PolicyFeatures::schedules; empty: the policy's default
  std::string backend = "onnxruntime";  // or "reference": slow, and needs no library
  std::string provider = "cpu";         // the back end's execution provider; an absent one is an error
  std::vector<std::string> also;        // where nodes may go that the provider does not take: "cpu", "cpu:Gather"
  std::map<std::string, std::string> provider_options;  // by the provider's own names
  int threads = 0;                                      // of the back end; 0: all of the machine
  std::filesystem::path library;    // libonnxruntime.so; empty: VLAQ_ORT, then beside vlaq (docs/cpp.md), the system's
  std::filesystem::path tokenizer;  // of a text input; empty: the bundle's own
  std::filesystem::path cache;      // where the provider keeps what it compiled; empty: nowhere
  std::filesystem::path engines;    // finished engines of `vlaq build`, in place of the graphs; empty: the graphs
  uint64_t noise_seed = 0;
};

// What one step gives, by the names of Policy::outputs(), without batch axis: an action [chunk, dim].
struct Outputs {
  std::map<std::string, Tensor> values;  // in the features' units, float32 whatever the graphs give
  std::map<std::string, Tensor> raw;     // as the graphs give them, before un-normalization
};

// What a policy takes and gives, read from its bundle alone: nothing is opened. Errors: kInput.
struct PolicyFeatures {
  std::vector<Feature> inputs, outputs;
  std::vector<std::string> schedules;
  std::string default_schedule;
  double control_period_s = 0;
};
Result<PolicyFeatures> ReadFeatures(const std::filesystem::path& bundle);

class Policy {
 public:
  // Opens a bundle. Errors: kInput for a bundle that is none or damaged; kUsage for options that do not go together;
  // kBackend for a back end, a provider or a graph that cannot be opened.
  static Result<Policy> Open(const std::filesystem::path& bundle, const PolicyOptions& options = {});
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;
  ~Policy();

  // A new episode: what was seen is forgotten, noise begins anew, the instruction stays (at first, the one that the
  // bundle was made with).
  void Reset();
  // The same with another instruction. Errors: kUsage if the policy cannot be told one, or not this one.
  Status Reset(std::string_view task);
  // The same with the values that the text input's encoder would make ("task.input_ids" ...), int64 without batch axis.
  Status ResetTokens(std::map<std::string, Tensor> values);
  // What the instruction became: its text as the policy reads it, its values, and what is odd about it in words (tokens
  // that the tokenizer does not know); empty where the policy reads none.
  struct Task {
    std::string text;
    std::map<std::string, Tensor> values;
    std::string complaint;
  };
  const Task& task() const;
  // Whether Reset() can tell it another instruction.
  bool follows_instructions() const;

  // One control step: every graph of the schedule runs. Errors: kUsage naming an input that is missing, unknown or of
  // another shape; kBackend, also for an action that is not finite. After an error nothing is remembered of this step.
  Result<Outputs> Step(const Observation& observation);
  // The next single action of the first output, float32 [dim] in its units: as LeRobot's select_action, the graphs run
  // only when the chunk that is being played is used up (n_action_steps), or at every step where predictions are
  // averaged (temporal ensembling). Errors: as Step(), and kUsage, before anything runs, if that output is neither
  // [dim] nor [chunk, dim].
  Result<Tensor> Act(const Observation& observation);

  const std::vector<Feature>& inputs() const;
  const std::vector<Feature>& outputs() const;
  const std::string& schedule() const;  // the one that runs
  double control_period_s() const;
  // One line: the schedule, and which library, provider and threads really run.
  std::string Describe() const;

 private:
  struct State;
  explicit Policy(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq
