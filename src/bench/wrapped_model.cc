#include "bench/wrapped_model.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::bench {
namespace {

using backend::NamedTensors;

class RememberingModel : public backend::OpenedModel {
 public:
  RememberingModel(std::unique_ptr<backend::OpenedModel> model, GraphPart part, const StepClock& clock)
      : model_(std::move(model)), part_(part), clock_(clock) {}
  const std::vector<backend::Port>& inputs() const override { return model_->inputs(); }
  const std::vector<backend::Port>& outputs() const override { return model_->outputs(); }
  std::string Description() const override { return model_->Description(); }
  Result<std::vector<backend::ExecutedNode>> Profile() override { return model_->Profile(); }

  Result<NamedTensors> Run(const NamedTensors& inputs) override {
    if (clock_.step != step_) run_ = 0;
    step_ = clock_.step;
    const auto place = std::make_pair(clock_.input, run_++);  // a graph may run several times in a step
    const bool remembers = part_.kept && part_.of_step;
    const auto known = remembers ? known_.find(place) : known_.end();
    if (clock_.preparing && known != known_.end()) return known->second;
    if (clock_.preparing && !part_.kept && any_) return *any_;
    Result<NamedTensors> outputs = model_->Run(inputs);
    if (!outputs.ok()) return outputs;
    if (remembers && known == known_.end()) known_.emplace(place, *outputs);
    // Those of a step with all that it depends on have the shapes that are usual.
    if (!part_.kept && (!any_ || any_is_early_)) {
      any_ = *outputs;
      any_is_early_ = clock_.preparing;
    }
    return outputs;
  }

 private:
  std::unique_ptr<backend::OpenedModel> model_;
  GraphPart part_;
  const StepClock& clock_;
  uint64_t step_ = 0;
  size_t run_ = 0;
  std::map<std::pair<int64_t, size_t>, NamedTensors> known_;  // by input and run in a step
  std::optional<NamedTensors> any_;
  bool any_is_early_ = false;
};

Tensor Copies(const Tensor& one, int64_t batch) {
  Shape shape = one.shape();
  shape[0] *= batch;
  Tensor all = Tensor::Make(one.dtype(), std::move(shape));
  auto to = all.mutable_bytes().begin();
  for (int64_t i = 0; i < batch; ++i) to = std::copy(one.bytes().begin(), one.bytes().end(), to);
  return all;
}

Tensor FirstOf(const Tensor& all, int64_t batch) {
  Shape shape = all.shape();
  shape[0] /= batch;
  Tensor first = Tensor::Make(all.dtype(), std::move(shape));
  const Bytes from = all.bytes().first(first.bytes().size());
  std::copy(from.begin(), from.end(), first.mutable_bytes().begin());
  return first;
}

bool IsOpen(const backend::Port& port) { return !port.dims.empty() && port.dims[0] < 0; }

class BatchedModel : public backend::OpenedModel {
 public:
  BatchedModel(std::unique_ptr<backend::OpenedModel> model, int64_t batch) : model_(std::move(model)), batch_(batch) {}
  const std::vector<backend::Port>& inputs() const override { return model_->inputs(); }
  const std::vector<backend::Port>& outputs() const override { return model_->outputs(); }
  std::string Description() const override { return model_->Description(); }
  Result<std::vector<backend::ExecutedNode>> Profile() override { return model_->Profile(); }

  Result<NamedTensors> Run(const NamedTensors& inputs) override {
    NamedTensors copies = inputs;
    for (const backend::Port& port : model_->inputs()) {
      const auto given = copies.find(port.name);
      if (given != copies.end() && IsOpen(port) && given->second.rank() > 0) {
        given->second = Copies(given->second, batch_);
      }
    }
    VLAQ_ASSIGN_OR_RETURN(NamedTensors outputs, model_->Run(copies));
    for (const backend::Port& port : model_->outputs()) {
      const auto made = outputs.find(port.name);
      if (made == outputs.end() || !IsOpen(port) || made->second.rank() == 0) continue;
      if (made->second.shape()[0] % batch_ == 0) made->second = FirstOf(made->second, batch_);
    }
    return outputs;
  }

 private:
  std::unique_ptr<backend::OpenedModel> model_;
  int64_t batch_;
};

}  // namespace

std::unique_ptr<backend::OpenedModel> Remembering(std::unique_ptr<backend::OpenedModel> model, GraphPart part,
                                                  const StepClock& clock) {
  return std::make_unique<RememberingModel>(std::move(model), part, clock);
}

Result<std::unique_ptr<backend::OpenedModel>> InBatches(std::unique_ptr<backend::OpenedModel> model,
                                                        const std::string& name, int64_t batch) {
  if (batch == 1) return model;
  if (std::none_of(model->inputs().begin(), model->inputs().end(), IsOpen)) {
    return UsageError(fmt::format("the graph '{}' has no input with an open first extent: no batch", name),
                      "measure it without --batch, or export it with a dynamic batch axis");
  }
  return std::unique_ptr<backend::OpenedModel>(std::make_unique<BatchedModel>(std::move(model), batch));
}

}  // namespace vlaq::bench
