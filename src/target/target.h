// What a policy can be quantized for, and what graphs for it may hold: data that planning obeys, rewriting writes by,
// quantize checks, verification expects and people read. Facts about TensorRT stand in tensorrt.h, rules with their
// meanings in rules.h. Not aware of: graphs, weights, plans.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "target/rules.h"
#include "target/tensorrt.h"

namespace vlaq::target {

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): a rule has no default, so each is made with its own
struct Target : Takes {
  std::string_view name;      // "cpu"
  std::string_view for_whom;  // in words
  // ONNX Runtime's execution provider on which alone "what really runs" can be seen; "": on any.
  std::string_view provider;
  // The name of the version of TensorRT whose facts these are; "": none.
  std::string_view tensorrt;
  // What says which opsets and, where no TensorRT speaks, which operators it takes.
  RuleId rule;

  bool IsTensorRt() const { return !tensorrt.empty(); }
};

std::span<const Target> All();
std::vector<std::string> Names();
// Errors: kInput listing the known names.
Result<const Target*> Find(std::string_view name);

// ---- targets and versions of TensorRT ----

bool IsForTensorRt(std::string_view target);
// The version that a bundle made for a target is meant to run on, if it says nothing closer; null for other targets.
const TensorRt* UsualTensorRt(std::string_view target);
// Whether an engine of that target may be built there: a target's facts hold for one line of versions.
bool FitsTarget(std::string_view target, const Version& version);
// "tensorrt-8.6" for 8.6, "tensorrt-10" for what came after; "" for what is not known.
std::string_view TargetFor(const Version& version);

// For ScopedOverrideForTest: targets take the facts of their version of TensorRT anew.
void TakeFactsOfVersions();

}  // namespace vlaq::target
