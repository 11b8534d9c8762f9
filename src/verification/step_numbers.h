// Rung 1 of a policy of any graphs: does it give what its source gives, step by step, on the same inputs? The source is
// the ONNX files it was imported from, run in the same schedule, or another bundle; or the outputs were recorded
// elsewhere. Not aware of: where inputs come from, weights, plans.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "verification/difference_check.h"
#include "verification/report.h"
#include "verification/source_files.h"

namespace vlaq::verification {

// What the policy is shown, one control step after the other, all of one episode.
struct StepInputs {
  size_t steps = 0;
  std::string what;  // "steps of observations.safetensors", "steps of noise"
  bool noise = false;
  // As runtime::Executor::Step takes them.
  std::function<Result<backend::NamedTensors>(size_t step)> read;
};

// Seeded numbers by type: floats within what pictures and normalized states are, bytes, integers 0 and 1 (the first of
// each tensor is 1, so that no mask is empty), booleans that are true. Extents that are open are 4. As many steps as
// fill the longest window, and one more. What is drawn as noise by the policy is left to it.
StepInputs NoiseSteps(const policy::Policy& policy, uint64_t seed = 0);

// The values of the instruction that the bundle was made with; none if its policy reads none. Errors: kInput.
Result<backend::NamedTensors> ExportedTask(const bundle::Bundle& bundle);

struct StepNumberOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;
  Tolerance tolerance;
};

// Adds "runs": every output of every schedule is made and finite, and "SCHEDULE against DEFAULT" for each schedule
// beside the default one. Noise that the graphs do not take makes it untestable. Errors: those of `inputs.read`.
Status CheckRuns(const bundle::Bundle& bundle, const StepInputs& inputs, const StepNumberOptions& options, Log& log,
                 Report& report);

// Adds "OUTPUT against the files" for each output: the files run by the same back end in the default schedule with the
// same bindings. Untestable if the files are not all there, or do not run on these inputs themselves. Errors: as above.
Status CheckAgainstFiles(const bundle::Bundle& bundle, std::span<const SourceFile> files, const StepInputs& inputs,
                         const StepNumberOptions& options, Log& log, Report& report);

// Adds "OUTPUT against the source" for each output, within what the bundle's precision may cost.
Status CheckAgainstSourceSteps(const bundle::Bundle& bundle, const bundle::Bundle& source, const StepInputs& inputs,
                               const StepNumberOptions& options, Log& log, Report& report);

// Adds "OUTPUT, golden" for each tensor out.OUTPUT of the file: one of the output's shape for a single step, or
// [T, ...] with one for each; in the output's own units. Errors: kInput if it holds none, names outputs that the policy
// does not have, or their shapes or steps are others.
Status CheckAgainstOutputs(const bundle::Bundle& bundle, const std::filesystem::path& golden, const StepInputs& inputs,
                           const StepNumberOptions& options, Log& log, Report& report);

// What each graph of a schedule (empty: the default one) reads in the first step, by graph; with the bundle's own
// instruction where `inputs` give none. Errors: those of the executor.
using GraphInputs = std::map<std::string, backend::NamedTensors, std::less<>>;
Result<GraphInputs> ReadByGraphs(const bundle::Bundle& bundle, const std::string& schedule, const StepInputs& inputs,
                                 const StepNumberOptions& options);

}  // namespace vlaq::verification
