// From a bundle, a target and a precision to a plan: every operator with weights gets a form and the reason for it.
//
// In scope: which rule applies to which operator; activation ranges from statistics. Not aware of: how forms are built
// into graphs (passes), whether the result is good (accuracy.h measures that). Deterministic.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/machine.h"
#include "bundle/bundle.h"
#include "quantize/numerics/plan.h"
#include "quantize/numerics/statistics.h"
#include "target/precision.h"
#include "target/target.h"

namespace vlaq::plan {

using target::FindPrecision;
using target::Precision;
using target::PrecisionName;
using target::PrecisionNames;

struct PlanOptions {
  Precision precision = Precision::kInt8;
  bool weight_only = false;  // int8: weights by blocks, activations in float
  numerics::RangeMethod activation_range = numerics::RangeMethod::kMse;
  numerics::RangeMethod weight_range = numerics::RangeMethod::kMinMax;
  int64_t block = 64;                  // elements that share a scale, for int4 and weight_only
  std::optional<double> smooth_alpha;  // SmoothQuant on every LayerNormalization that feeds linears only
  bool smooth_by_estimate = false;     // the same, each with an alpha of its own; smooth_alpha is not looked at
  bool bias_correction = false;
  std::set<std::string> keep_float;  // groups or operators by name
  std::string statistics_sha256;     // of the file that the statistics came from
};

struct Planned {
  numerics::Plan plan;
  std::vector<std::string> warnings;
};

// Why int8 products go wrong on `machine` (rule ORT-03), or empty.
std::string LacksIntegerProducts(const Machine& machine);

// `statistics` may be null: then static ranges, smoothing and bias correction are errors, and float16 plans keep
// LayerNormalization and Softmax in float32 unseen. Errors: kUsage for what needs statistics or is not possible for the
// target; kInput if statistics are of another bundle, lack a value or hold NaN, and for unknown names in keep_float.
Result<Planned> MakePlan(const bundle::Bundle& bundle, const target::Target& target,
                         const numerics::ActivationStatistics* statistics, const PlanOptions& options);

}  // namespace vlaq::plan
