#include "verify/output_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "runtime/features.h"
#include "verify/golden.h"
#include "verify/number_bounds.h"
#include "verify/play.h"
#include "verify/rows.h"
#include "verify/schedules.h"

namespace vlaq::verify {
namespace {

using bundle::Bundle;
using policy::Policy;

constexpr std::string_view kOutputPrefix = "out.";

const SourceFile* FileOf(std::span<const SourceFile> files, const std::string& graph) {
  const auto found = std::ranges::find(files, graph, &SourceFile::graph);
  return found == files.end() ? nullptr : &*found;
}

// What the file records of an output, by step.
Status AddRecorded(const policy::Output& output, const Golden& golden, Rows& rows) {
  const std::string name = fmt::format("{}{}", kOutputPrefix, output.name);
  VLAQ_ASSIGN_OR_RETURN(const Tensor tensor, golden.Read(name));
  if (rows.size() == 1 && HasExtents(tensor.shape(), output.shape)) {
    rows[0].emplace(output.name, tensor);
    return {};
  }
  const std::string where = fmt::format("{}: '{}'", golden.path().string(), name);
  if (tensor.shape().empty() || !HasExtents(std::span(tensor.shape()).subspan(1), output.shape)) {
    return InputError(where, fmt::format("is {}, and {} of the output's {} are expected", ShapeText(tensor.shape()),
                                         Counted(rows.size(), "step"), ShapeText(output.shape)));
  }
  const auto steps = static_cast<size_t>(tensor.shape()[0]);
  if (steps != rows.size()) {
    return InputError(
        where, fmt::format("holds {} where the inputs have {}", Counted(steps, "step"), Counted(rows.size(), "step")));
  }
  for (size_t t = 0; t < steps; ++t) rows[t].emplace(output.name, tensor.Row(static_cast<int64_t>(t)));
  return {};
}

struct RecordedOutputs {
  Rows rows;
  std::set<std::string> outputs;  // that the file holds
};

// out.* of a golden file, by output. Errors: kInput naming the file.
Result<RecordedOutputs> ReadRecorded(const Policy& policy, const std::filesystem::path& path, size_t steps) {
  VLAQ_ASSIGN_OR_RETURN(const Golden golden, Golden::Open(path));
  std::vector<std::string> outputs;
  for (const policy::Output& output : policy.outputs) outputs.push_back(output.name);
  const std::string advice = fmt::format("the policy's outputs are {}", fmt::join(outputs, ", "));
  RecordedOutputs recorded{Rows(steps), {}};
  for (const std::string& name : golden.Names()) {
    if (!name.starts_with(kOutputPrefix)) continue;
    const policy::Output* output = policy.FindOutput(name.substr(kOutputPrefix.size()));
    if (output == nullptr)
      return InputError(path.string(), fmt::format("'{}' is no output of the policy", name), advice);
    VLAQ_RETURN_IF_ERROR(AddRecorded(*output, golden, recorded.rows));
    recorded.outputs.insert(output->name);
  }
  if (recorded.outputs.empty()) {
    return InputError(path.string(), "holds no out.OUTPUT to compare with", advice);
  }
  return recorded;
}

}  // namespace

Status CheckAgainstFiles(const Bundle& bundle, std::span<const SourceFile> files, const StepInputs& inputs,
                         const NumberOptions& options, Log& log, Report& report) {
  const Policy& policy = bundle.policy;
  const std::string name = "outputs against the files";
  std::vector<std::string> missing = GraphsOf(policy.schedules.at(policy.default_schedule));
  std::erase_if(missing, [&](const std::string& graph) { return FileOf(files, graph) != nullptr; });
  if (!missing.empty()) {
    report.untestable.push_back(
        {kNumberRung, name, fmt::format("no file is given for {}", fmt::join(missing, ", ")), true});
    return {};
  }
  const runtime::GraphOpener open = [&](const std::string& graph) -> Result<std::unique_ptr<backend::OpenedModel>> {
    VLAQ_ASSIGN_OR_RETURN(const auto source, backend::ModelSource::FromFile(FileOf(files, graph)->file));
    return options.backend->Open(source, options.open.ForSource());
  };
  VLAQ_ASSIGN_OR_RETURN(const Played expected, Play(bundle, inputs, {.graphs = open}, log));
  if (expected.stopped) {
    ReportNotRun(name, "the files do", bundle, expected, inputs, report);
    return {};
  }
  VLAQ_ASSIGN_OR_RETURN(const Played actual,
                        Play(bundle, inputs, {.backend = options.backend, .open = options.open}, log));
  if (actual.stopped) return ReportStop(name, actual, options, report);
  VLAQ_ASSIGN_OR_RETURN(const NumberBounds bounds, BoundsOfNumbers(bundle, options.tolerance));
  for (const policy::Output& output : policy.outputs) {
    report.checks.push_back(JudgeRows({output.name + " against the files", output.name, bounds.outputs, Against::kFiles,
                                       fmt::format(", {} {}", inputs.steps, inputs.what)},
                                      expected.outputs, actual.outputs));
  }
  return ReportBounds(bundle, options.tolerance, report);
}

Status CheckAgainstOutputs(const Bundle& bundle, const std::filesystem::path& golden, const StepInputs& inputs,
                           const NumberOptions& options, Log& log, Report& report) {
  const Policy& policy = bundle.policy;
  VLAQ_ASSIGN_OR_RETURN(const RecordedOutputs recorded, ReadRecorded(policy, golden, inputs.steps));
  VLAQ_ASSIGN_OR_RETURN(const runtime::FeatureReader features, runtime::FeatureReader::Make(policy));
  VLAQ_ASSIGN_OR_RETURN(const Played played,
                        Play(bundle, inputs, {.backend = options.backend, .open = options.open}, log));
  if (played.stopped) return ReportStop("golden data", played, options, report);
  Rows actual = played.outputs;
  for (backend::NamedTensors& step : actual) {
    for (const std::string& output : recorded.outputs) {
      Tensor& value = step.at(output);
      VLAQ_ASSIGN_OR_RETURN(value, features.Unnormalize(output, value));
    }
  }
  VLAQ_ASSIGN_OR_RETURN(const NumberBounds bounds, BoundsOfNumbers(bundle, options.tolerance));
  std::vector<std::string> left_out;
  for (const policy::Output& output : policy.outputs) {
    if (!recorded.outputs.contains(output.name)) {
      left_out.push_back(output.name);
      continue;
    }
    report.checks.push_back(JudgeRows({output.name + ", golden", output.name, bounds.outputs,
                                       Against::kInputsAndOutputs, fmt::format(", {} {}", inputs.steps, inputs.what)},
                                      recorded.rows, actual));
  }
  if (!left_out.empty()) {
    report.notes.push_back(fmt::format("{} holds nothing for {}", golden.string(), fmt::join(left_out, ", ")));
  }
  return ReportBounds(bundle, options.tolerance, report);
}

}  // namespace vlaq::verify
