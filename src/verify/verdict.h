// What a report amounts to, and what is missing for more. "Verified" needs a comparison with something outside the
// bundle that passed: a bundle that agrees with itself may be any policy, or none. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "verify/report.h"

namespace vlaq::verify {

enum class Verdict {
  kFailed,    // a check failed
  kIntact,    // nothing is wrong with it, and nothing shows whose policy it is
  kVerified,  // it is the policy of what it was held against
};
std::string_view Name(Verdict verdict);  // "failed", "intact", "verified"

// What was not compared, and what to add to the command line so that it is.
struct Missing {
  std::string what;
  std::string options;  // "--episodes DIR"
};

struct Conclusion {
  Verdict verdict = Verdict::kFailed;
  std::vector<std::string> grounds;  // of kVerified: "the checkpoint and golden data", "recorded episodes"
  std::vector<std::string> except;   // names of the checks that did not run
  std::vector<Missing> missing;      // of kIntact
};

// `quantized`: made from another bundle by a plan, so that its source is what it is held against.
//
// kVerified if no check failed, none that is needed is missing, and at least one of these passed: every tensor of the
// checkpoint together with golden numbers (or the source's); weights and numbers of the source bundle; the ONNX files
// it was imported from, with their numbers; inputs and outputs of an imported policy; recorded episodes with their
// bars.
Conclusion Conclude(const Report& report, bool quantized);

}  // namespace vlaq::verify
