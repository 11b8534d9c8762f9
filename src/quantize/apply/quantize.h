// From a bundle and a plan to the quantized bundle.
//
// In scope: checking that plan and bundle belong together, rewriting the graphs (passes), making the new weights
// tensor by tensor from the mapped file, writing the bundle whole or not at all. Not aware of: how plans are made.
// Own memory: the largest tensor with its codes, whatever the size of the bundle.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/output.h"
#include "bundle/bundle.h"
#include "quantize/numerics/distortion.h"
#include "quantize/numerics/plan.h"
#include "quantize/numerics/statistics.h"
#include "quantize/rewrite/apply_plan.h"

namespace vlaq::apply {

struct QuantizeOptions {
  std::filesystem::path bundle;
  numerics::Plan plan;
  // Needed only by plans that an earlier vlaq wrote (Plan::NeedsStatistics); may be null otherwise.
  const numerics::ActivationStatistics* statistics = nullptr;
  std::filesystem::path output;
  Existing existing = Existing::kRefuse;
  int threads = 0;  // 0: all hardware threads
};

// What one weight lost.
struct WeightLoss {
  std::string weight;
  numerics::NumericType number = numerics::NumericType::kInt8;
  int64_t dead_scales = 0;
  numerics::Distortion distortion;
};

struct QuantizeReport {
  bundle::Bundle bundle;
  uint64_t bytes_before = 0, bytes_after = 0;  // of the weights files
  std::vector<WeightLoss> losses;              // of the encoded weights, in file order
  std::vector<std::string> notes;
  double seconds = 0;
};

// The bundle's graphs by their names in the policy; external weights stay where they are. Errors: kInput.
Result<rewrite::Graphs> ReadGraphs(const bundle::Bundle& bundle);

// Errors: kInput if the plan is for another bundle, names what is not there, or asks for what a rule of its target
// forbids (naming the rule); if a weight holds NaN or infinity, or does not fit float16; if the disk is full. Nothing
// is left behind then.
Result<QuantizeReport> Quantize(const QuantizeOptions& options, Log& log);

}  // namespace vlaq::apply
