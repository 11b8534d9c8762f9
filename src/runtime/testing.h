// A bundle's schedule run on one picture after the other, for tests of modules that run policies.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"

namespace vlaq::runtime::testing {

// Tensors of one shape and type one after the other: n x [a, b] -> [n, a, b].
inline Tensor Stack(std::span<const Tensor> parts) {
  Shape shape = parts.front().shape();
  shape.insert(shape.begin(), static_cast<int64_t>(parts.size()));
  Tensor all = Tensor::Make(parts.front().dtype(), std::move(shape));
  MutableBytes rest = all.mutable_bytes();
  for (const Tensor& part : parts) {
    std::copy(part.bytes().begin(), part.bytes().end(), rest.begin());
    rest = rest.subspan(part.bytes().size());
  }
  return all;
}

// Runs a policy with one camera and at most an instruction.
class FrameRunner : public Probe {
 public:
  static Result<std::unique_ptr<FrameRunner>> Open(const bundle::Bundle& bundle, const backend::Backend& backend,
                                                   const backend::OpenOptions& options = {},
                                                   std::string_view schedule = "", const ExtraOutputs& extra = {}) {
    VLAQ_ASSIGN_OR_RETURN(Executor executor, OpenExecutor(bundle, schedule, backend, options, extra));
    VLAQ_ASSIGN_OR_RETURN(const auto text, OpenTextEncoder(bundle, {}));
    auto runner = std::unique_ptr<FrameRunner>(new FrameRunner(std::move(executor)));
    if (text != nullptr) runner->task = text->Exported().values;
    runner->executor.SetProbe(runner.get());
    return runner;
  }

  // `pixels`: as the graph takes them, without batch axis. Returns the policy's first output.
  Result<Tensor> Step(const Tensor& pixels) {
    seen_.clear();
    NamedTensors inputs = task;
    inputs.emplace(executor.policy().inputs.front().name, pixels);
    VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, executor.Step(inputs));
    return outputs.at(executor.policy().outputs.front().name);
  }
  // A value of the last step as the probe saw it, without batch axis.
  Tensor Seen(const std::string& name) const {
    const auto found = seen_.find(name);
    EXPECT_NE(found, seen_.end()) << name;
    if (found == seen_.end()) return {};
    return found->second.Reshaped(Shape(found->second.shape().begin() + 1, found->second.shape().end()));
  }
  void See(std::string_view name, const Tensor& value) override { seen_.insert_or_assign(std::string(name), value); }

  Executor executor;
  NamedTensors task;  // the exported one, until a test sets another

 private:
  explicit FrameRunner(Executor opened) : executor(std::move(opened)) {}
  NamedTensors seen_;
};

}  // namespace vlaq::runtime::testing
