// From a bundle and a plan to the quantised bundle.
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
#include "passes/apply_plan.h"
#include "quantization/distortion.h"
#include "quantization/plan.h"
#include "quantization/statistics.h"

namespace vlaq::quantizing {

struct QuantizeOptions {
  std::filesystem::path bundle;
  quantization::Plan plan;
  // Needed only by plans that an earlier vlaq wrote (Plan::NeedsStatistics); may be null otherwise.
  const quantization::ActivationStatistics* statistics = nullptr;
  std::filesystem::path output;
  Existing existing = Existing::kRefuse;
  int threads = 0;  // 0: all hardware threads
};

// What one weight lost.
struct WeightLoss {
  std::string weight;
  quantization::Number number = quantization::Number::kInt8;
  int64_t dead_scales = 0;
  quantization::Distortion distortion;
};

struct QuantizeReport {
  bundle::Bundle bundle;
  uint64_t bytes_before = 0, bytes_after = 0;  // of the weights files
  std::vector<WeightLoss> losses;              // of the encoded weights, in file order
  std::vector<std::string> notes;
  double seconds = 0;
};

// The bundle's graphs by their names in the policy; external weights stay where they are. Errors: kInput.
Result<passes::Graphs> ReadGraphs(const bundle::Bundle& bundle);

// Errors: kInput if the plan is for another bundle, names what is not there, or asks for what a rule of its target
// forbids (naming the rule); if a weight holds NaN or infinity, or does not fit float16; if the disk is full. Nothing
// is left behind then.
Result<QuantizeReport> Quantize(const QuantizeOptions& options, Log& log);

}  // namespace vlaq::quantizing
