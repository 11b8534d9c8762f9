// Stage 1 of a policy of any graphs against what lies outside its bundle: the ONNX files it was imported from, run in
// the same schedule, and outputs that were recorded elsewhere. Not aware of: where inputs come from, weights, plans.
#pragma once

#include <filesystem>
#include <span>

#include "base/log.h"
#include "bundle/bundle.h"
#include "verify/report.h"
#include "verify/runs_check.h"
#include "verify/source_files.h"
#include "verify/step_inputs.h"

namespace vlaq::verify {

// Adds "OUTPUT against the files" for each output: the files run by the same back end in the default schedule with the
// same bindings. Untestable if the files are not all there, or do not run on these inputs themselves. Errors: those of
// `inputs.read`; what another provider than the CPU says of graphs that it does not open.
Status CheckAgainstFiles(const bundle::Bundle& bundle, std::span<const SourceFile> files, const StepInputs& inputs,
                         const NumberOptions& options, Log& log, Report& report);

// Adds "OUTPUT, golden" for each tensor out.OUTPUT of the file: one of the output's shape for a single step, or
// [T, ...] with one for each; in the output's own units. Errors: kInput if it holds none, names outputs that the policy
// does not have, or their shapes or steps are others; as above.
Status CheckAgainstOutputs(const bundle::Bundle& bundle, const std::filesystem::path& golden, const StepInputs& inputs,
                           const NumberOptions& options, Log& log, Report& report);

}  // namespace vlaq::verify
