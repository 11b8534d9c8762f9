#include "deployment/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/assemble.h"
#include "base/json.h"
#include "engine/measure.h"
#include "policy/value_shapes.h"

namespace vlaq::deployment {
namespace {

// Values of the main output in one step.
size_t ActionSize(const policy::Policy& policy) {
  size_t size = 1;
  for (const int64_t extent : policy.outputs.front().shape) size *= static_cast<size_t>(std::max<int64_t>(extent, 1));
  return size;
}

// Another window or image would be another question, not a difference between engines.
Status CheckSameQuestion(const bundle::Bundle& reference, const bundle::Bundle& other) {
  const policy::Policy &a = reference.policy, &b = other.policy;
  const bool same_inputs = std::ranges::equal(a.inputs, b.inputs, [](const policy::Input& x, const policy::Input& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape;
  });
  const bool same_outputs = std::ranges::equal(
      a.outputs, b.outputs,
      [](const policy::Output& x, const policy::Output& y) { return x.name == y.name && x.shape == y.shape; });
  if (same_inputs && same_outputs && policy::LongestWindow(a) == policy::LongestWindow(b)) return {};
  return InputError(reference.path.string(),
                    fmt::format("is another policy than {}: window, actions or image size differ", other.path.string()),
                    "give the fp32 bundle that it was quantized from");
}

}  // namespace

Status CheckComparable(const std::vector<bundle::Bundle>& bundles, const std::vector<std::string>& graphs) {
  for (const bundle::Bundle& bundle : bundles) {
    const std::string alone = policy::GraphAlone(bundle.policy);
    if (alone.empty()) {
      return UsageError(fmt::format("the fp32 policy is compared with an engine that makes the actions alone, and no "
                                    "schedule of {} runs a single graph",
                                    bundle.path.string()),
                        "leave --reference out");
    }
    if (const size_t inputs = bundle.policy.graphs.at(alone).inputs.size(); inputs != 1) {
      return UsageError(
          fmt::format("the fp32 policy is compared on frames alone, and the graph '{}' of {} takes {} inputs", alone,
                      bundle.path.string(), inputs),
          "leave --reference out");
    }
    if (graphs.empty() || std::ranges::find(graphs, alone) != graphs.end()) continue;
    return UsageError("the fp32 policy is compared with the whole policy's engine, which is not built",
                      fmt::format("build --parts {}, too", alone));
  }
  return {};
}

Result<Reference> Reference::Open(ReferenceRequest request, const std::vector<bundle::Bundle>& engines_of) {
  VLAQ_ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::Open(request.bundle));
  if (bundle.precision != "fp32") return InputError(request.bundle.string(), "is no fp32 bundle");
  for (const bundle::Bundle& other : engines_of) VLAQ_RETURN_IF_ERROR(CheckSameQuestion(bundle, other));
  VLAQ_ASSIGN_OR_RETURN(bench::Windows windows,
                        bench::Windows::Make(std::move(request.frames), bundle, request.windows));
  // Opened to see that it can be, and closed again: a board has no memory for it beside a build.
  VLAQ_RETURN_IF_ERROR(api::Assemble(bundle, *request.backend, request.options, {}));
  return Reference(std::move(bundle), std::move(windows), std::move(request.backend), request.options);
}

Result<double> Reference::Difference(const PlannedEngine& engine, const engine::Builder& builder, double timeout_s,
                                     Log& log) {
  const auto known = known_.find(engine.plan.file);
  if (known != known_.end()) return known->second;
  return known_.emplace(engine.plan.file, Compare(engine, builder, timeout_s, log)).first->second;
}

Result<double> Reference::Compare(const PlannedEngine& engine, const engine::Builder& builder, double timeout_s,
                                  Log& log) {
  if (!MakesActions(engine)) {
    return InternalError(engine.plan.file.string(), "is not the whole policy, whose actions are compared");
  }
  if (actions_.empty()) {
    log.Note(fmt::format("running {} on {} windows of {} frames", bundle_.path.string(), windows_.size(),
                         windows_.frames_used()));
    VLAQ_ASSIGN_OR_RETURN(actions_, windows_.ActionsOf(bundle_, *backend_, options_, log));
  }
  const auto values = ActionSize(bundle_.policy);  // of one window
  double sum = 0;
  for (size_t first = 0; first < windows_.size(); first += engine::kLargestBatch) {
    const size_t count = std::min<size_t>(engine::kLargestBatch, windows_.size() - first);
    VLAQ_ASSIGN_OR_RETURN(const Tensor pixels, windows_.Pixels(first, count));
    VLAQ_ASSIGN_OR_RETURN(const std::vector<double> got, engine::RunEngine(engine.plan, builder, pixels, timeout_s));
    if (got.size() != count * values) {
      return Error{ErrorCode::kBackend,
                   fmt::format("gave {} values where {} windows have {}", got.size(), count, count * values),
                   engine.plan.file.string(), ""};
    }
    for (size_t i = 0; i < got.size(); ++i) {
      sum += std::abs(got[i] - static_cast<double>(actions_[first * values + i]));
    }
  }
  const double mean = sum / static_cast<double>(windows_.size() * values);
  if (std::isfinite(mean)) return mean;
  return Error{ErrorCode::kVerification, "gave actions that are no numbers", engine.plan.file.string(), ""};
}

Json Reference::ToJson() const {
  return {{"with_weights_sha256", bundle_.weights.sha256},
          {"windows", windows_.size()},
          {"frames", windows_.frames_used()},
          {"frames_sha256", windows_.sha256()}};
}

}  // namespace vlaq::deployment
