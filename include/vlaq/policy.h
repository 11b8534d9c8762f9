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
// A Policy is used by one thread at a time; several may be open, each on its own thread. Nothing is printed; nothing is
// thrown.
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

// Tensors by name.
using Values = std::map<std::string, Tensor>;

// What a robot observes in one control step, by the names of Policy::inputs().
//   image   uint8 [H, W, 3], red first, of any size: resized and normalized as the policy was trained. Or a tensor as
//           the graph takes it, of the input's type and shape.
//   state   Numbers of any type, in the feature's units, of its shape; a batch axis of 1 in front is allowed.
//   noise   May be left out: it is drawn.
//   memory  What a recurrent policy keeps from step to step, with its batch axis. Left out, but where an episode begins
//           in the middle.
//   text    Is no part of it: see Policy::Reset().
using Observation = Values;

enum class FeatureType { kImage, kState, kText, kNoise, kMemory, kAction };
std::string_view Name(FeatureType type);  // "image", "state", ...

// An input or an output of a policy.
struct Feature {
  std::string name;  // "observation.images.front", "observation.state", "task", "action"
  FeatureType type = FeatureType::kState;
  DType dtype = DType::kF32;       // as the graph takes or gives it; of a text without meaning
  Shape shape;                     // without batch axis; -1: any extent. Of an action [chunk, dim], of a text empty
  std::vector<std::string> names;  // of the elements of the last axis, where the policy says so: "shoulder"
  std::vector<std::string> units;  // theirs: "rad"

  // What element `i` of the last axis is called: "shoulder", or "action[0]" where the policy does not say.
  std::string NameOf(size_t i) const;
  // Its unit: "rad", or "" where the policy does not say.
  std::string UnitOf(size_t i) const;
  // One line: "action, action float32 [10, 2]: shoulder (rad), grip (mm)".
  std::string Describe() const;
};

struct PolicyOptions {
  std::string schedule;                 // one of PolicyFeatures::schedules; empty: the policy's default
  std::string backend = "onnxruntime";  // or "reference": slow, and needs no library
  std::string provider = "cpu";         // the back end's execution provider; an absent one is an error
  std::vector<std::string>
      fallback_providers;  // where nodes may go that the provider does not take: "cpu", "cpu:Gather"
  std::map<std::string, std::string> provider_options;  // by the provider's own names
  int threads = 0;                                      // of the back end; 0: all of the machine
  std::filesystem::path library;    // libonnxruntime.so; empty: VLAQ_ORT, then beside vlaq (docs/cpp.md), the system's
  std::filesystem::path tokenizer;  // of a text input; empty: the bundle's own
  std::filesystem::path cache;      // where the provider keeps what it compiled; empty: nowhere
  std::filesystem::path engines;    // finished engines of `vlaq build`, in place of the graphs; empty: the graphs
  uint64_t noise_seed = 0;          // noise is a pure function of it, the step in its episode, and the input
};

// What one step gives, by the names of Policy::outputs(), without batch axis: an action [chunk, dim].
struct Outputs {
  Values values;  // in the features' units, float32 whatever the graphs give
  Values raw;     // as the graphs give them, before un-normalization
};

// What a policy takes and gives.
struct PolicyFeatures {
  std::vector<Feature> inputs, outputs;  // of outputs the first is what moves the robot
  std::vector<std::string> schedules;    // ways to the same outputs
  std::string default_schedule;
  double control_period_s = 0;  // between two steps
};
// Read from the bundle alone: no graph is opened. Errors: kInput.
Result<PolicyFeatures> ReadFeatures(const std::filesystem::path& bundle);

// A PNG or JPEG file as an image of an observation, uint8 [H, W, 3]. Errors: kInput naming the file.
Result<Tensor> ReadImage(const std::filesystem::path& file);

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
  // The same with another instruction. Errors: kUsage if the policy cannot be told one, or not this one; kInput for a
  // tokenizer that cannot be read. After an error nothing has changed.
  Status Reset(std::string_view task);
  // The same with the values that the text input's encoder would make ("task.input_ids" ...), int64 without batch axis.
  // Errors: kUsage.
  Status ResetTokens(Values values);
  // What the instruction became; empty where the policy reads none.
  struct Task {
    std::string text;       // as the policy reads it; empty if it was given as values
    Values values;          // "task.input_ids" ..., without batch axis
    std::string complaint;  // what is odd about it, in words: tokens that the tokenizer does not know
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

  // Step() in its two halves, for who times or overlaps them. Prepare() makes what the graphs read: images and states
  // as they take them, and the values of the instruction. It may be called for a later step before an earlier one has
  // run. Run() runs the graphs on that, and gives Outputs::raw. Errors: as Step().
  Result<Values> Prepare(const Observation& observation);
  Result<Values> Run(const Values& prepared);

  // An observation of nothing: images of one color, and zero states. For a step that warms up, and to be filled.
  Observation Blank() const;

  const std::vector<Feature>& inputs() const;
  const std::vector<Feature>& outputs() const;
  const std::string& schedule() const;  // the one that runs
  double control_period_s() const;
  // One line: the schedule, and which library, provider and threads really run.
  std::string Describe() const;

  // For vlaq's own programs, which make a policy of other parts (src/api/assemble.h).
  struct State;
  explicit Policy(std::unique_ptr<State> state);

 private:
  std::unique_ptr<State> state_;
};

}  // namespace vlaq
