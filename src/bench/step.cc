#include "bench/step.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "api/assemble.h"
#include "bench/inputs.h"
#include "bench/schedule_parts.h"
#include "bench/wrapped_model.h"

namespace vlaq::bench {
namespace {

using backend::NamedTensors;

class PolicyStep : public Step {
 public:
  PolicyStep(Policy policy, ScheduleParts parts, std::vector<Values> observed, std::unique_ptr<StepClock> clock,
             std::string runs_on)
      : policy_(std::move(policy)),
        parts_(std::move(parts)),
        observed_(std::move(observed)),
        clock_(std::move(clock)),
        runs_on_(std::move(runs_on)) {}

  Status Prepare(int newest) override {
    for (int64_t i = FirstBefore(newest); i < newest; ++i) VLAQ_RETURN_IF_ERROR(Observe(Round(i)));
    return {};
  }

  Result<NamedTensors> Act(int newest) override {
    clock_->preparing = false;
    auto outputs = Run(newest);
    at_ = outputs.ok() ? std::optional<int64_t>(newest) : std::nullopt;
    return outputs;
  }

  std::vector<std::string> Outputs() const override {
    std::vector<std::string> names;
    for (const Feature& output : policy_.outputs()) names.push_back(output.name);
    return names;
  }
  // The back ends' own words, without the schedule's: runs are compared by them.
  std::string Description() const override { return runs_on_; }

 private:
  int64_t Round(int64_t i) const {
    const auto count = static_cast<int64_t>(observed_.size());
    return ((i % count) + count) % count;
  }

  // The first of the observations before `newest` that have still to be seen.
  int64_t FirstBefore(int64_t newest) {
    if (parts_.carries) {
      if (at_ && *at_ < newest) return *at_ + 1;
      policy_.Reset();
      return 0;
    }
    // What a hold keeps is there from the second step on.
    if (!at_) return newest - std::max<int64_t>(parts_.history, parts_.holds ? 1 : 0);
    const int64_t since = Round(newest - *at_ - 1);  // between the two
    return newest - std::min(since, parts_.history);
  }

  Result<NamedTensors> Run(int64_t i) {
    clock_->input = i;
    ++clock_->step;
    return policy_.Run(observed_[static_cast<size_t>(i)]);
  }

  // The newest observation is the step's own work. Seen here as well, just before the clock starts, it would find its
  // weights in the cache: small policies then look three times as fast.
  Status Observe(int64_t i) {
    at_.reset();  // until the step itself is done
    clock_->preparing = true;
    auto done = Run(i);
    clock_->preparing = false;
    // Where what is not looked at has to fit what is kept, all of it runs.
    if (!done.ok()) done = Run(i);
    if (!done.ok()) return done.error();
    return {};
  }

  Policy policy_;
  ScheduleParts parts_;
  std::vector<Values> observed_;      // by number, as Policy::Prepare() makes them
  std::unique_ptr<StepClock> clock_;  // that the graphs look at
  std::string runs_on_;
  std::optional<int64_t> at_;  // the newest that the policy has seen, with all before it
};

class NullStep : public Step {
 public:
  Status Prepare(int /*newest*/) override { return {}; }
  Result<NamedTensors> Act(int /*newest*/) override { return nothing_; }
  std::vector<std::string> Outputs() const override { return {"action"}; }
  std::string Description() const override { return "nothing"; }

 private:
  NamedTensors nothing_{{"action", Tensor::Make(DType::kF32, {1, 1})}};
};

bool Fits(const Tensor& row, const policy::Input& input) {
  const Shape& shape = row.shape();
  return row.dtype() == input.dtype && std::equal(shape.begin(), shape.end(), input.shape.begin(), input.shape.end(),
                                                  [](int64_t x, int64_t wanted) { return wanted < 0 || x == wanted; });
}

Status CheckFits(const Tensor& row, const policy::Input& input, const std::string& where) {
  if (Fits(row, input)) return {};
  const Shape &given = row.shape(), &wanted = input.shape;
  const bool pictures = input.type == policy::InputType::kImage && given.size() == 3 && wanted.size() == 3 &&
                        row.dtype() == input.dtype && input.layout == policy::ImageLayout::kChw;
  if (pictures) {
    return InputError(
        where,
        fmt::format("takes frames of {} x {} pixels, and is given {} x {}", wanted[2], wanted[1], given[2], given[1]),
        "benchmark policies of one image size together");
  }
  return InputError(where,
                    fmt::format("takes '{}' as {} {}, and is given {} {}", input.name, DTypeName(input.dtype),
                                ShapeText(wanted), DTypeName(row.dtype()), ShapeText(given)),
                    "benchmark policies that observe the same together");
}

// What the policy observes at each number.
Result<std::vector<NamedTensors>> ObservationsOf(StepSource& source, const ScheduleParts& parts) {
  std::vector<NamedTensors> all;
  for (policy::Input& input : source.policy.inputs) {
    if (input.type == policy::InputType::kText) continue;
    const std::string name = TensorName(source.policy, input);
    auto given = source.observed.find(name);
    // Beside a graph, which calls a picture as its file does.
    if (given == source.observed.end()) given = source.observed.find(input.name);
    if (given == source.observed.end()) {
      if (parts.reads.count(input.name) == 0) continue;
      return InputError(
          source.name,
          fmt::format("observes '{}', and nothing is given for it: the inputs hold no '{}'", input.name, name),
          "benchmark policies that observe the same together");
    }
    const Tensor& tensor = given->second;
    all.resize(static_cast<size_t>(tensor.shape()[0]));
    for (size_t i = 0; i < all.size(); ++i) {
      const Tensor row = tensor.Row(static_cast<int64_t>(i));
      if (i == 0) VLAQ_RETURN_IF_ERROR(CheckFits(row, input, source.name));
      all[i][input.name] = row;
    }
  }
  if (all.empty()) {  // it observes nothing: every step is the same
    const bool any = !source.observed.empty();
    all.resize(any ? static_cast<size_t>(source.observed.begin()->second.shape()[0]) : 1);
  }
  return all;
}

}  // namespace

Result<std::unique_ptr<Step>> OpenStep(StepSource source, int64_t batch) {
  ScheduleParts parts = PartsOf(source.policy, source.schedule);
  if (parts.carries) {  // an episode of its own is all that a step depends on: what it made before it makes again
    for (auto& [graph, part] : parts.parts) part.of_step = !parts.holds;
  }
  VLAQ_ASSIGN_OR_RETURN(auto observed, ObservationsOf(source, parts));
  auto clock = std::make_unique<StepClock>();
  std::vector<std::string> runs_on;  // the same of all graphs as a rule
  const bool looks_back = parts.history > 0 || parts.carries;
  const runtime::GraphOpener open = [&](const std::string& name) -> Result<std::unique_ptr<backend::OpenedModel>> {
    VLAQ_ASSIGN_OR_RETURN(auto model, source.open(name));
    const std::string words = model->Description();
    if (std::find(runs_on.begin(), runs_on.end(), words) == runs_on.end()) runs_on.push_back(words);
    VLAQ_ASSIGN_OR_RETURN(model, InBatches(std::move(model), name, batch));
    const auto part = parts.parts.find(name);
    if (!looks_back || part == parts.parts.end()) return model;
    return Remembering(std::move(model), part->second, *clock);
  };
  VLAQ_ASSIGN_OR_RETURN(Policy policy,
                        api::Assemble(source.policy, open, {.schedule = source.schedule, .text = source.text}));
  for (Values& values : observed) values.insert(policy.task().values.begin(), policy.task().values.end());
  return std::unique_ptr<Step>(std::make_unique<PolicyStep>(std::move(policy), std::move(parts), std::move(observed),
                                                            std::move(clock),
                                                            fmt::format("{}", fmt::join(runs_on, "; "))));
}

std::unique_ptr<Step> MakeNullStep() { return std::make_unique<NullStep>(); }

}  // namespace vlaq::bench
