#include "verify/verdict.h"

#include <algorithm>

namespace vlaq::verify {
namespace {

bool Held(const Report& report, Against against) {
  return std::ranges::any_of(report.checks, [&](const Check& check) { return check.against == against; });
}

std::vector<std::string> GroundsOf(const Report& report) {
  const bool checkpoint = Held(report, Against::kCheckpoint);
  const bool golden = Held(report, Against::kGolden);
  const bool source = Held(report, Against::kSource);
  std::vector<std::string> grounds;
  if (checkpoint && golden) grounds.emplace_back("the checkpoint and golden data");
  if (source) grounds.emplace_back(checkpoint ? "the checkpoint and the source bundle" : "the source bundle");
  if (Held(report, Against::kFiles)) grounds.emplace_back("the ONNX files it was made of");
  if (Held(report, Against::kInputsAndOutputs)) grounds.emplace_back("golden data");
  if (Held(report, Against::kEpisodes)) grounds.emplace_back("recorded episodes");
  return grounds;
}

std::vector<Missing> MissingOf(const Report& report, bool quantized) {
  std::vector<Missing> missing;
  for (const Untestable& u : report.untestable) {
    if (u.needed) missing.push_back({u.name + ": " + u.reason, ""});
  }
  if (report.of_files && !quantized) {
    missing.push_back({"whose graphs these are", "--against FILE.onnx"});
    missing.push_back({"whether it computes what was computed elsewhere", "--golden FILE.io.safetensors"});
    return missing;
  }
  if (quantized) {
    missing.push_back({"whose weights these are", "--reference SOURCE"});
  } else if (!Held(report, Against::kCheckpoint)) {
    missing.push_back({"whose weights these are", "--against CHECKPOINT --golden golden.safetensors"});
  } else if (!Held(report, Against::kGolden)) {
    missing.push_back({"whether it computes what the checkpoint's own framework does; `vlaq golden` makes such data",
                       "--golden golden.safetensors"});
  }
  if (!report.of_files && !Held(report, Against::kEpisodes)) {
    missing.push_back({"whether it does what was recorded", "--episodes DIR"});
  }
  return missing;
}

}  // namespace

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFailed:
      return "failed";
    case Verdict::kIntact:
      return "intact";
    case Verdict::kVerified:
      return "verified";
  }
  return "";
}

Conclusion Conclude(const Report& report, bool quantized) {
  Conclusion conclusion;
  for (const Untestable& u : report.untestable) conclusion.except.push_back(u.name);
  if (report.first_failure() != nullptr || report.checks.empty()) return conclusion;
  conclusion.grounds = GroundsOf(report);
  const bool complete = std::ranges::none_of(report.untestable, &Untestable::needed);
  if (complete && !conclusion.grounds.empty()) {
    conclusion.verdict = Verdict::kVerified;
    return conclusion;
  }
  conclusion.verdict = Verdict::kIntact;
  conclusion.missing = MissingOf(report, quantized);
  return conclusion;
}

}  // namespace vlaq::verify
