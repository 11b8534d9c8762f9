// What every subject of a benchmark observes, alike, in one file: a tensor [N, ...] for each input, ready for the
// graphs, with a row for each of N steps.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::bench {

// The tensor of a policy that sees the frames of one camera, and beside them observes nothing but an instruction.
inline constexpr std::string_view kFrames = "frames";

// What an input of the policy is called in the file: kFrames, or as the policy calls it.
std::string TensorName(const policy::Policy& policy, const policy::Input& input);

// Values for an input of which nothing is given: images are noise over the range that pixels have when they are
// normalized, float states normal, noise as it is distributed, masks ones, other integers and bools zeros. A pure
// function of `seed` and `stream`. Extents that are open are 1. Errors: kInput naming the input, for a type that cannot
// be made up, or too large a shape.
Result<Tensor> MakeUp(const policy::Input& input, int64_t count, uint64_t seed, uint64_t stream);
inline constexpr uint64_t kMadeUpStream = 0xF4A3;  // of the first input; the others' follow

// A safetensors file. Errors: kInput with the system's reason.
Status WriteInputs(const std::filesystem::path& path, const backend::NamedTensors& tensors);
// Errors: kInput if the file holds no tensors, or they have not a row each for as many steps.
Result<backend::NamedTensors> ReadInputs(const std::filesystem::path& path);

}  // namespace vlaq::bench
