#include "engine/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace vlaq::engine {
namespace {

// "--int8 --fp16" as two arguments.
std::vector<std::string> SplitFlags(std::string_view flags) {
  std::vector<std::string> list;
  while (!flags.empty()) {
    const size_t end = std::min(flags.find(' '), flags.size());
    list.emplace_back(flags.substr(0, end));
    flags.remove_prefix(std::min(end + 1, flags.size()));
  }
  return list;
}

std::string Shapes(std::string_view flag, const std::vector<InputProfile>& inputs,
                   std::vector<int64_t> InputProfile::*which) {
  std::string text;
  for (const InputProfile& input : inputs) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", input.name, fmt::join(input.*which, "x"));
  }
  return fmt::format("{}={}", flag, text);
}

bool AnyDynamic(const std::vector<InputProfile>& inputs) {
  for (const InputProfile& input : inputs) {
    if (input.dynamic()) return true;
  }
  return false;
}

}  // namespace

std::optional<Version> VersionFromBanner(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  constexpr int kOldest = 1000, kOldSchemeEnds = 10'000;
  if (number < kOldest) return std::nullopt;
  if (number < kOldSchemeEnds) return Version{number / 1000, number / 100 % 10, number % 100};
  return Version{number / 10'000, number / 100 % 100, number % 100};
}

std::optional<Version> VersionOfTarget(std::string_view target) {
  const target::TensorRt* usual = target::UsualTensorRt(target);
  return usual == nullptr ? std::nullopt : std::optional(usual->shipped);
}

Result<std::vector<std::string>> BuildOptions(const Version& version, const BuildRequest& request) {
  const target::TensorRt* row = target::FindTensorRt(version);
  if (row == nullptr) {
    return UsageError(fmt::format("vlaq knows no flags for TensorRT {}", version.ToString()),
                      "it knows 8.6, 10 and 11");
  }
  for (const target::TypeFlags& type : row->type_flags) {
    if (type.precision != request.precision) continue;
    std::vector<std::string> options = SplitFlags(type.flags);
    // trtexec invents scales for a graph that has none of its own.
    if (!request.quantized) std::erase(options, "--int8");
    options.emplace_back("--profilingVerbosity=detailed");
    if (AnyDynamic(request.inputs)) {
      options.push_back(Shapes("--minShapes", request.inputs, &InputProfile::min));
      options.push_back(Shapes("--optShapes", request.inputs, &InputProfile::opt));
      options.push_back(Shapes("--maxShapes", request.inputs, &InputProfile::max));
    }
    if (request.workspace_mib > 0) options.push_back(fmt::format("--memPoolSize=workspace:{}", request.workspace_mib));
    return options;
  }
  return UsageError(
      fmt::format("TensorRT builds no engine of precision '{}'", request.precision),
      "quantize the policy for tensorrt-8.6 or tensorrt-10: fp16, int8 or mixed, for tensorrt-10 also int4");
}

Result<std::vector<std::string>> BuildArguments(const Version& version, const BuildRequest& request) {
  VLAQ_ASSIGN_OR_RETURN(std::vector<std::string> options, BuildOptions(version, request));
  std::vector<std::string> arguments{"--onnx=" + request.onnx, "--saveEngine=" + request.engine};
  arguments.insert(arguments.end(), options.begin(), options.end());
  if (!request.timing_cache.empty()) arguments.push_back("--timingCacheFile=" + request.timing_cache);
  arguments.emplace_back("--skipInference");  // loaded and run afterwards, from the file
  return arguments;
}

std::vector<std::string> InspectArguments(const Version& version, const InspectRequest& request) {
  std::vector<std::string> arguments{"--loadEngine=" + request.engine};
  const target::TensorRt* row = target::FindTensorRt(version);
  const std::vector<std::string> run_flags = row == nullptr ? std::vector<std::string>{} : SplitFlags(row->run_flags);
  arguments.insert(arguments.end(), run_flags.begin(), run_flags.end());
  if (AnyDynamic(request.inputs)) {
    std::string shapes;
    for (const InputProfile& input : request.inputs) {
      std::vector<int64_t> shape = input.opt;
      if (input.min[0] != input.max[0]) shape[0] = request.batch;
      shapes += fmt::format("{}{}:{}", shapes.empty() ? "" : ",", input.name, fmt::join(shape, "x"));
    }
    arguments.push_back("--shapes=" + shapes);
  }
  if (!request.layers.empty()) {
    // Without detailed verbosity the file holds names alone.
    arguments.insert(arguments.end(), {"--profilingVerbosity=detailed", "--exportLayerInfo=" + request.layers});
  }
  // A separate run for the layers' times, which would disturb those of the whole.
  if (!request.profile.empty()) {
    if (run_flags.empty()) arguments.emplace_back("--separateProfileRun");  // 11 always does
    arguments.push_back("--exportProfile=" + request.profile);
  }
  if (!request.times.empty()) arguments.push_back("--exportTimes=" + request.times);
  std::string load;
  for (const auto& [name, file] : request.load) {
    load += fmt::format("{}{}:{}", load.empty() ? "" : ",", name, file);
  }
  if (!load.empty()) arguments.push_back("--loadInputs=" + load);
  if (!request.outputs.empty()) arguments.push_back("--exportOutput=" + request.outputs);
  arguments.push_back(fmt::format("--duration={:g}", request.seconds));
  return arguments;
}

}  // namespace vlaq::engine
