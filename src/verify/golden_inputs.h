// What a golden file shows a policy: its inputs step by step, and its instruction. Not aware of: what comes of them.
#pragma once

#include <optional>
#include <string_view>

#include "bundle/bundle.h"
#include "tensor/difference.h"
#include "verify/golden.h"
#include "verify/golden_places.h"
#include "verify/step_inputs.h"

namespace vlaq::verify {

// Camera pictures of a policy with one camera, uint8 [T, H, W, 3].
inline constexpr std::string_view kGoldenPictures = "frames.u8";

struct GoldenInputs {
  StepInputs inputs;                       // with the file's instruction; that of the bundle where it has none
  bool pictures = false;                   // they were preprocessed as the policy says
  std::optional<Difference> preprocessed;  // where the file holds pictures and what should come of them
};
// Every image and state of the policy as the file holds it, [T, ...]; noise where it has it; values of the instruction,
// int64 [1, N] each. Errors: kInput naming the file and what it lacks, or does not have as the policy takes it.
Result<GoldenInputs> ReadGoldenInputs(const bundle::Bundle& bundle, const Golden& golden, const GoldenPlaces& places);

}  // namespace vlaq::verify
