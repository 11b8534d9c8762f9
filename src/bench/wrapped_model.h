// Opened graphs with something between them and who runs them: what is done again is remembered, one item becomes a
// batch, runs are counted. What is wired to what stays the executor's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "backend/backend.h"
#include "bench/schedule_parts.h"

namespace vlaq::bench {

// Which step the graphs run for.
struct StepClock {
  bool preparing = false;  // nobody looks at what comes out: only what is kept matters
  int64_t input = 0;       // the number of what is observed
  uint64_t step = 0;       // another one at each step
};

// While a step is prepared, a graph whose outputs are not kept need not run, and one whose outputs follow from the
// step's observation gives those that it gave to the same one before. `clock` outlives it.
std::unique_ptr<backend::OpenedModel> Remembering(std::unique_ptr<backend::OpenedModel> model, GraphPart part,
                                                  const StepClock& clock);

// `batch` copies of every input that has an open first extent, and of the outputs the first item. Errors: kUsage if
// there is no such input.
Result<std::unique_ptr<backend::OpenedModel>> InBatches(std::unique_ptr<backend::OpenedModel> model,
                                                        const std::string& name, int64_t batch);

class CountedModel : public backend::OpenedModel {
 public:
  explicit CountedModel(std::unique_ptr<backend::OpenedModel> model) : model_(std::move(model)) {}
  const std::vector<backend::Port>& inputs() const override { return model_->inputs(); }
  const std::vector<backend::Port>& outputs() const override { return model_->outputs(); }
  std::string Description() const override { return model_->Description(); }
  Result<std::vector<backend::ExecutedNode>> Profile() override { return model_->Profile(); }
  Result<backend::NamedTensors> Run(const backend::NamedTensors& inputs) override {
    ++runs_;
    return model_->Run(inputs);
  }
  size_t runs() const { return runs_; }

 private:
  std::unique_ptr<backend::OpenedModel> model_;
  size_t runs_ = 0;
};

}  // namespace vlaq::bench
