#include "robot/inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace vlaq::robot {
namespace {

class PolicyInference : public Inference {
 public:
  explicit PolicyInference(Policy policy) : policy_(std::move(policy)) {}

  Status Reset(const std::string& task) override {
    if (!task.empty()) return policy_.Reset(task);
    policy_.Reset();
    return {};
  }
  Result<Tensor> Step(const Observation& observation) override {
    VLAQ_ASSIGN_OR_RETURN(Outputs outputs, policy_.Step(observation));
    return outputs.values.at(policy_.outputs().front().name);
  }
  Result<Tensor> WarmUp() override { return Step(policy_.Blank()); }

 private:
  Policy policy_;
};

}  // namespace

std::unique_ptr<Inference> InferenceOf(Policy policy) { return std::make_unique<PolicyInference>(std::move(policy)); }

Result<ActionMap> ActionMap::Make(const std::vector<Axis>& axes, const Feature& action) {
  ActionMap map;
  if (action.shape.empty() || action.shape.size() > 2 || action.shape.back() <= 0) {
    return UsageError("the policy's first output is no action: " + action.Describe());
  }
  map.dim_ = static_cast<size_t>(action.shape.back());
  if (action.shape.size() == 2) map.max_steps_ = static_cast<size_t>(std::max<int64_t>(action.shape.front(), 1));
  std::string names;
  for (size_t i = 0; i < map.dim_; ++i) names += (i == 0 ? "" : ", ") + action.NameOf(i);
  for (const Axis& axis : axes) {
    size_t index = 0;
    while (index < map.dim_ && action.NameOf(index) != axis.from) ++index;
    if (index == map.dim_) {
      return UsageError(
          fmt::format("axis '{}' is driven by '{}', which the policy's action does not have", axis.to, axis.from),
          "it has " + names);
    }
    map.columns_.push_back({index, axis.scale, axis.offset});
  }
  return map;
}

Status ActionMap::Fill(const Tensor& actions, Chunk& chunk) const {
  const bool rows = actions.rank() == 2;
  if (actions.dtype() != DType::kF32 || actions.rank() < 1 || actions.rank() > 2 ||
      actions.shape().back() != static_cast<int64_t>(dim_)) {
    return Error{ErrorCode::kBackend, "an action of another shape than the policy says: " + ShapeText(actions.shape()),
                 "", ""};
  }
  chunk.steps = std::min(rows ? static_cast<size_t>(actions.shape().front()) : size_t{1}, max_steps_);
  chunk.values.resize(max_steps_ * columns_.size());
  const auto values = actions.data<float>();
  for (size_t step = 0; step < chunk.steps; ++step) {
    for (size_t axis = 0; axis < columns_.size(); ++axis) {
      const Column& column = columns_[axis];
      chunk.values[step * columns_.size() + axis] =
          column.offset + column.scale * static_cast<double>(values[step * dim_ + column.index]);
    }
  }
  return {};
}

}  // namespace vlaq::robot
