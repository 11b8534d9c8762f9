// What a golden file shows a policy: its inputs step by step, and its instruction. Not aware of: what comes of them.
#pragma once

#include <optional>
#include <vector>

#include "bundle/bundle.h"
#include "runtime/executor.h"
#include "runtime/text_encoder.h"
#include "tensor/difference.h"
#include "verification/golden.h"
#include "verification/golden_values.h"

namespace vlaq::verification {

// Camera pictures of a policy with one camera, uint8 [T, H, W, 3].
inline constexpr std::string_view kGoldenPictures = "frames.u8";

struct GoldenSteps {
  std::vector<backend::NamedTensors> steps;  // as runtime::Executor::Step takes them, without those of text
  bool pictures = false;                     // they were preprocessed as the policy says
  std::optional<Difference> preprocessed;    // where the file holds pictures and what should come of them
};
// Every image and state of the policy as the file holds it, [T, ...]; noise where it has it. Errors: kInput naming the
// file and what it lacks, or does not have as the policy takes it.
Result<GoldenSteps> ReadGoldenSteps(const bundle::Bundle& bundle, const Golden& golden, const GoldenPlaces& places);

// The values of the file's instruction, int64 [1, N] each, or the exported ones where it has none. Errors: kInput
// naming the file.
Result<backend::NamedTensors> ReadGoldenTask(const policy::Policy& policy, const runtime::TextEncoder& text,
                                             const Golden& golden, const GoldenPlaces& places);

}  // namespace vlaq::verification
