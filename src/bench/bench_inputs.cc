#include "bench/bench_inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "bench/graph_policy.h"
#include "bench/inputs.h"
#include "bench/schedule_parts.h"
#include "bundle/bundle.h"
#include "runtime/features.h"

namespace vlaq::bench {
namespace {

namespace fs = std::filesystem;
using policy::InputType;
using policy::NormalizationMode;

struct BenchInput {
  std::string tensor;  // its name in the file
  policy::Input input;
  std::vector<std::string> extents;  // what open extents are called, as far as they are; by axis
};

// What subjects observe, of whichever comes first; extents that it leaves open are those of one that does not.
class WantedInputs {
 public:
  void Add(const policy::Policy& policy, const std::map<std::string, std::vector<std::string>>& extents) {
    for (const policy::Input& input : policy.inputs) {
      if (input.type == InputType::kText) continue;
      const auto names = extents.find(input.name);
      // A graph before it may have asked for the same picture by its own name.
      const bool known = std::ranges::find(all_, input.name, &BenchInput::tensor) != all_.end();
      Merge({known ? input.name : TensorName(policy, input), input,
             names == extents.end() ? std::vector<std::string>(input.shape.size()) : names->second});
    }
  }

  Status Fix(const onnx::Extents& extents) {
    std::set<std::string> open;
    std::set<std::string> used;
    for (BenchInput& wanted : all_) {
      for (std::string& name : OpenIn(wanted)) open.insert(std::move(name));
      for (size_t axis = 0; axis < wanted.input.shape.size(); ++axis) {
        if (wanted.input.shape[axis] >= 0) continue;
        const std::string place = fmt::format("{}:{}", wanted.input.name, axis);
        const std::string& name = axis < wanted.extents.size() ? wanted.extents[axis] : place;
        for (const std::string& key : {name, place}) {
          const auto given = extents.find(key);
          if (given == extents.end()) continue;
          wanted.input.shape[axis] = given->second;
          used.insert(key);
        }
      }
    }
    for (const auto& given : extents) {
      if (used.count(given.first) > 0) continue;
      return UsageError(fmt::format("--extent: no input leaves open a '{}'", given.first),
                        open.empty() ? "none is left open" : fmt::format("there are: {}", fmt::join(open, ", ")));
    }
    return {};
  }

  // Extents of an input that are still open, by the names that --extent knows.
  static std::vector<std::string> OpenIn(const BenchInput& wanted) {
    std::vector<std::string> open;
    for (size_t axis = 0; axis < wanted.input.shape.size(); ++axis) {
      if (wanted.input.shape[axis] >= 0) continue;
      const bool named = axis < wanted.extents.size() && !wanted.extents[axis].empty();
      open.push_back(named ? wanted.extents[axis] : fmt::format("{}:{}", wanted.input.name, axis));
    }
    return open;
  }

  std::vector<BenchInput>& all() { return all_; }
  bool frames_alone() const { return all_.size() == 1 && all_[0].tensor == kFrames; }

 private:
  void Merge(BenchInput wanted) {
    const auto known = std::ranges::find(all_, wanted.tensor, &BenchInput::tensor);
    if (known == all_.end()) {
      all_.push_back(std::move(wanted));
      return;
    }
    Shape& shape = known->input.shape;
    if (shape.size() != wanted.input.shape.size()) return;  // a worker says that they do not fit
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] < 0) shape[axis] = wanted.input.shape[axis];
    }
  }

  std::vector<BenchInput> all_;
};

// The policy that stands for a subject that does not say what it takes.
policy::Policy OfOneCamera() {
  policy::Policy policy;
  policy::Input frames;
  frames.name = kFrames;
  frames.type = InputType::kImage;
  const int64_t side = frames.preprocess.image_size;
  frames.shape = {3, side, side};
  policy.inputs.push_back(std::move(frames));
  return policy;
}

// In what the difference of two actions is counted.
std::string UnitOf(const policy::Policy& policy) {
  const policy::Output& action = policy.outputs.front();
  switch (action.unnormalize.mode) {
    case NormalizationMode::kScale:
    case NormalizationMode::kMinMax:
      return std::string(harness::kNormalizedAction);
    case NormalizationMode::kMeanStd:
      return "standard deviations of the action";
    case NormalizationMode::kIdentity:
      break;
  }
  const std::set<std::string> units(action.units.begin(), action.units.end());
  return units.empty() ? fmt::format("as the graph gives '{}'", action.name)
                       : fmt::format("{}", fmt::join(units, ", "));
}

class NothingGiven : public GivenInputs {
 public:
  bool Gives(const std::string& /*input*/) const override { return false; }
  size_t size() const override { return 1; }
  Result<backend::NamedTensors> Read(size_t /*index*/) const override { return backend::NamedTensors(); }
  std::string From() const override { return ""; }
};

// Tensors [N, ...] of what is read step by step.
class StepRows {
 public:
  explicit StepRows(int count) : count_(count) {}

  Status Add(const std::string& name, int index, const Tensor& row) {
    Tensor& all = tensors_[name];
    Shape shape{count_};
    shape.insert(shape.end(), row.shape().begin(), row.shape().end());
    if (index == 0) all = Tensor::Make(row.dtype(), shape);
    if (all.shape() != shape || all.dtype() != row.dtype()) {
      return InputError(fmt::format("input '{}'", name),
                        fmt::format("is {} at step {}, and was another shape before", ShapeText(row.shape()), index));
    }
    std::ranges::copy(row.bytes(), all.mutable_bytes().begin() +
                                       static_cast<std::ptrdiff_t>(static_cast<size_t>(index) * row.bytes().size()));
    return {};
  }
  backend::NamedTensors Take() { return std::move(tensors_); }

 private:
  int count_;
  backend::NamedTensors tensors_;
};

// What is given for some inputs, as the graphs take it, for each of `count` steps.
Result<backend::NamedTensors> ReadyOf(const GivenInputs& observations, const std::vector<BenchInput>& all, int count) {
  policy::Policy given;  // of what is given alone
  std::map<std::string, std::string> tensor_of;
  for (const BenchInput& wanted : all) {
    if (!observations.Gives(wanted.input.name)) continue;
    given.inputs.push_back(wanted.input);
    tensor_of[wanted.input.name] = wanted.tensor;
  }
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader reader, runtime::FeatureReader::Make(given));
  StepRows rows(count);
  for (int i = 0; i < count; ++i) {
    const size_t index = observations.size() == 1 ? 0 : static_cast<size_t>(i);
    VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors step, observations.Read(index));
    VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors ready, reader.Read(step));
    for (const auto& [name, row] : ready) VLAQ_RETURN_IF_ERROR(rows.Add(tensor_of.at(name), i, row));
  }
  return rows.Take();
}

// "24 steps of seeded noise", "3 frames of DIR", "5 steps of FILE, 'noise' made up".
std::string WhatTheyAre(const std::string& sources, int count, const std::vector<std::string>& made_up,
                        bool frames_alone) {
  const std::string shown =
      frames_alone ? fmt::format("{} frames", count) : Counted(static_cast<size_t>(count), "step");
  constexpr std::string_view kWorth = ": good for time, not for accuracy";
  if (sources.empty()) return fmt::format("{} of seeded noise{}", shown, kWorth);
  const std::string from = fmt::format("{} of {}", shown, sources);
  return made_up.empty() ? from : fmt::format("{}, and seeded noise as {}{}", from, fmt::join(made_up, ", "), kWorth);
}

Result<WantedInputs> WantedBy(const std::vector<BenchSubject>& subjects, BenchInputs& inputs) {
  WantedInputs wanted;
  bool first = true;
  // Bundles first: they know what their inputs are.
  for (const BenchSubject& subject : subjects) {
    if (!subject.bundle) continue;
    const policy::Policy& policy = subject.bundle->policy;
    wanted.Add(policy, {});
    if (std::exchange(first, false)) {
      inputs.window = PartsOf(policy, "").history + 1;
      inputs.unit = UnitOf(policy);
    }
  }
  for (const BenchSubject& subject : subjects) {
    if (subject.kind != "onnx") continue;
    VLAQ_ASSIGN_OR_RETURN(GraphPolicy graph, PolicyOfGraph(subject.path, inputs.window));
    wanted.Add(graph.policy, graph.extents);
    if (!std::exchange(first, false)) continue;
    inputs.window = PartsOf(graph.policy, "").history + 1;
    if (!wanted.frames_alone()) inputs.unit = UnitOf(graph.policy);
  }
  if (wanted.all().empty()) wanted.Add(OfOneCamera(), {});
  return wanted;
}

}  // namespace

Result<BenchInputs> MakeBenchInputs(const BenchInputsRequest& request, const std::vector<BenchSubject>& subjects,
                                    const fs::path& folder) {
  BenchInputs inputs;
  VLAQ_ASSIGN_OR_RETURN(WantedInputs wanted, WantedBy(subjects, inputs));
  VLAQ_RETURN_IF_ERROR(wanted.Fix(request.extents));
  if (!wanted.frames_alone()) inputs.span = "model: inputs in memory to outputs";
  inputs.count = request.steps;
  std::unique_ptr<GivenInputs> given = std::make_unique<NothingGiven>();
  if (request.open_given) {
    std::vector<policy::Input> all;
    for (const BenchInput& one : wanted.all()) all.push_back(one.input);
    VLAQ_ASSIGN_OR_RETURN(given, request.open_given(all));
  }
  const auto is_given = [&given](const BenchInput& one) { return given->Gives(one.input.name); };
  const bool all_given = std::ranges::all_of(wanted.all(), is_given);
  const auto steps = static_cast<int>(std::min<size_t>(given->size(), static_cast<size_t>(request.steps)));
  if (all_given || steps > 1) inputs.count = steps;
  backend::NamedTensors tensors;
  if (std::ranges::any_of(wanted.all(), is_given)) {
    VLAQ_ASSIGN_OR_RETURN(tensors, ReadyOf(*given, wanted.all(), inputs.count));
  }
  std::vector<std::string> made_up;
  std::set<std::string> open;
  for (size_t i = 0; i < wanted.all().size(); ++i) {
    const BenchInput& one = wanted.all()[i];
    if (is_given(one)) continue;
    VLAQ_ASSIGN_OR_RETURN(tensors[one.tensor], MakeUp(one.input, inputs.count, request.seed, kMadeUpStream + i));
    made_up.push_back(one.input.name);
    for (std::string& name : WantedInputs::OpenIn(one)) open.insert(std::move(name));
  }
  inputs.open = fmt::format("{}", fmt::join(open, ", "));
  inputs.what = WhatTheyAre(given->From(), inputs.count, made_up, wanted.frames_alone());
  inputs.file = folder / "inputs.safetensors";
  VLAQ_RETURN_IF_ERROR(WriteInputs(inputs.file, tensors));
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord written, bundle::Describe(inputs.file));
  inputs.sha256 = written.sha256;
  return inputs;
}

}  // namespace vlaq::bench
