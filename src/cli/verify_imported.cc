// `vlaq verify` of a bundle that was made of ONNX files: any graphs, so that what is compared are these files, recorded
// inputs and outputs, or the bundle it was quantized from.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "cli/observations.h"
#include "cli/verify_arguments.h"
#include "families/onnx/import.h"
#include "runtime/features.h"
#include "verify/identity.h"
#include "verify/output_checks.h"
#include "verify/runs_check.h"
#include "verify/settings.h"
#include "verify/source_files.h"
#include "verify/step_inputs.h"

namespace vlaq::cli {
namespace {

using bundle::Bundle;
using verify::SourceFile;
using verify::StepInputs;

// Options that no imported policy has a meaning for.
Status RefuseOfCameraPolicies(const VerifyArguments& a, const std::string& family) {
  const std::pair<bool, std::string_view> given[] = {
      {a.sim > 0, "--rollouts"},
      {!a.state_dict.empty(), "--state-dict"},
      {!a.files.tokenizer.empty(), "--tokenizer"},
      {!a.files.config.empty(), "--config"},
      {!a.files.policy.empty(), "--policy"},
      {!a.backend.engines.empty(), "--engines"},
      {a.tolerance.actions.has_value(), "--max-action-diff"},
  };
  for (const auto& [is_given, option] : given) {
    if (!is_given) continue;
    return UsageError(fmt::format("{} is not for a policy of family {}", option, family),
                      "it is held against --against FILE.onnx, --golden FILE.io.safetensors or --reference BUNDLE, on "
                      "--inputs FILE.safetensors");
  }
  if (!a.reference.empty() && !bundle::IsBundle(a.reference)) {
    return InputError(a.reference.string(), "is no bundle", "give the bundle that `vlaq import` wrote");
  }
  return {};
}

// Each file with the graph that it became: that of its own name, or the only one.
Result<std::vector<SourceFile>> ReadSourceFiles(const std::vector<std::string>& against, const Bundle& bundle,
                                                verify::Report& report) {
  if (against.empty()) return std::vector<SourceFile>();
  VLAQ_ASSIGN_OR_RETURN(std::vector<importing::Source> sources,
                        importing::ReadSources({against.begin(), against.end()}));
  std::vector<std::string> graphs;
  for (const auto& [graph, record] : bundle.graphs) graphs.push_back(graph);
  if (sources.size() == 1 && graphs.size() == 1) sources[0].graph = graphs[0];
  for (const importing::Source& source : sources) {
    if (bundle.graphs.contains(source.graph)) continue;
    return UsageError(fmt::format("--against {}: the bundle has no graph '{}'", source.file.string(), source.graph),
                      fmt::format("graphs are named by their files; its are {}", fmt::join(graphs, ", ")));
  }
  if (sources.size() == graphs.size()) {
    const auto proposal = importing::Propose(sources);
    const auto others = proposal.ok() ? verify::HowPoliciesDiffer(bundle.policy, proposal->policy)
                                      : std::vector<std::string>{proposal.error().ToString()};
    if (!others.empty()) {
      report.notes.push_back(
          fmt::format("policy.json is not what import proposes for these files, and is taken on "
                      "trust: {}{}",
                      others[0], others.size() > 1 ? fmt::format("; and {} more", others.size() - 1) : ""));
    }
  }
  std::vector<SourceFile> files;
  for (importing::Source& source : sources) {
    files.push_back({source.graph, source.file, std::move(source.clean.model)});
  }
  return files;
}

// What the policy is shown: --inputs, else what the golden file has, else noise.
Result<StepInputs> InputsOf(const VerifyArguments& a, const Bundle& bundle, const std::string& source, Log& log) {
  if (source.empty()) return verify::NoiseSteps(bundle.policy);
  VLAQ_ASSIGN_OR_RETURN(const PolicyFeatures features, ReadFeatures(a.bundle));
  VLAQ_ASSIGN_OR_RETURN(Observations opened, Observations::Open(features.inputs, {}, source, log));
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader made, runtime::FeatureReader::Make(bundle.policy));
  const auto observations = std::make_shared<const Observations>(std::move(opened));
  const auto reader = std::make_shared<runtime::FeatureReader>(std::move(made));
  StepInputs inputs;
  inputs.steps = observations->size();
  inputs.what = fmt::format("{} of {}", inputs.steps == 1 ? "step" : "steps", source);
  inputs.read = [observations, reader](size_t step) -> Result<backend::NamedTensors> {
    VLAQ_ASSIGN_OR_RETURN(const Observations::Step given, observations->Read(step));
    return reader->Read(given.observation);
  };
  return inputs;
}

std::string GoldenInputs(const VerifyArguments& a) { return a.golden.empty() ? "" : a.golden.string() + ":in."; }

struct Outside {
  std::vector<SourceFile> files;
  std::optional<Bundle> reference;
};

Status CompareOutputs(const VerifyArguments& a, const Bundle& bundle, const Outside& outside,
                      const backend::Backend& backend, Log& log, verify::Report& report) {
  const verify::NumberOptions options = a.Numbers(backend);
  VLAQ_ASSIGN_OR_RETURN(const StepInputs inputs,
                        InputsOf(a, bundle, a.inputs.empty() ? GoldenInputs(a) : a.inputs, log));
  VLAQ_RETURN_IF_ERROR(verify::CheckRuns(bundle, inputs, options, log, report));
  if (!outside.files.empty()) {
    VLAQ_RETURN_IF_ERROR(verify::CheckAgainstFiles(bundle, outside.files, inputs, options, log, report));
  }
  if (!a.golden.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const StepInputs recorded, InputsOf(a, bundle, GoldenInputs(a), log));
    VLAQ_RETURN_IF_ERROR(verify::CheckAgainstOutputs(bundle, a.golden, recorded, options, log, report));
  }
  return CheckWhatItIs(a, bundle, outside.reference ? &*outside.reference : nullptr, inputs, backend, log, report);
}

}  // namespace

Result<verify::Report> VerifyImported(const VerifyArguments& a, const Bundle& bundle, Log& log) {
  VLAQ_RETURN_IF_ERROR(RefuseOfCameraPolicies(a, bundle.policy.family));
  verify::Report report;
  report.of_files = true;
  report.not_applicable = {"stages of the first family", "settings the checkpoint states", "instruction"};
  if (!a.episodes.given()) {
    report.not_applicable.insert(report.not_applicable.end(), {"recorded episodes", "blank and shuffled frames"});
  }
  report.not_applicable.emplace_back("driving");
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  Outside outside;
  VLAQ_ASSIGN_OR_RETURN(outside.files, ReadSourceFiles(a.against, bundle, report));
  VLAQ_ASSIGN_OR_RETURN(outside.reference, OpenReference(a, bundle));
  VLAQ_ASSIGN_OR_RETURN(const auto episodes, OpenEpisodes(a, bundle, log, report));
  VLAQ_RETURN_IF_ERROR(verify::CheckIdentity(bundle, nullptr, log, report));
  Status rest;
  if (!outside.files.empty()) rest = verify::CheckSourceFiles(bundle, outside.files, log, report);
  if (rest.ok()) rest = CompareOutputs(a, bundle, outside, *backend, log, report);
  if (rest.ok() && episodes) rest = Drive(a, &*episodes, std::nullopt, *backend, log, report);
  return FinishReport(rest, std::move(report));
}

}  // namespace vlaq::cli
