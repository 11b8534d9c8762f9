#include "engine/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>

namespace vlaq::engine {
namespace {

// Lines of versions that take the same flags.
struct VersionRow {
  Version from, below;
  std::string_view name;
};
constexpr std::array kRows{
    VersionRow{{8, 6, 0}, {9, 0, 0}, "8.6"},
    VersionRow{{9, 0, 0}, {11, 0, 0}, "10"},
    VersionRow{{11, 0, 0}, {12, 0, 0}, "11"},
};

// How a precision is asked for, after trtexec's samples/common/sampleOptions.cpp of 8.6.1, 10.3.0 and 11.1. A graph
// whose types are written in it is best obeyed to the letter where that exists; with --fp16 the builder may also take
// float16 where the graph says float32.
struct TypeRow {
  std::string_view version, precision;
  std::vector<std::string> flags;
};
const std::vector<TypeRow>& TypeRows() {
  static const std::vector<TypeRow> rows{
      {"8.6", "fp16", {"--fp16"}},
      {"8.6", "int8", {"--int8", "--fp16"}},
      {"8.6", "mixed", {"--int8", "--fp16"}},
      {"10", "fp16", {"--stronglyTyped"}},
      // What is not quantised is float32 in the graph, and may be float16 in the engine.
      {"10", "int8", {"--int8", "--fp16"}},
      {"10", "mixed", {"--stronglyTyped"}},
      // Weights of 4 bits are widened to the type that the graph says; 8.6 has none.
      {"10", "int4", {"--stronglyTyped"}},
      // The types of the graph are all there is: no flags.
      {"11", "fp16", {}},
      {"11", "int8", {}},
      {"11", "mixed", {}},
      {"11", "int4", {}},
  };
  return rows;
}

// What trtexec leaves out of a run by itself: from 11 on it copies nothing, spins while it waits, and replays a
// captured graph of kernels.
const std::vector<std::string>& RunFlags(const VersionRow& row) {
  static const std::vector<std::string> none, eleven{"--includeDataTransfers", "--noSpinWait", "--noCudaGraph"};
  return row.name == "11" ? eleven : none;
}

struct TargetRow {
  std::string_view name;
  Version usual, from, below;
};
constexpr std::array kTargets{
    TargetRow{"tensorrt-8.6", {8, 6, 2}, {8, 6, 0}, {9, 0, 0}},
    TargetRow{"tensorrt-10", {10, 3, 0}, {9, 0, 0}, {12, 0, 0}},
};

const VersionRow* FindRow(const Version& version) {
  for (const VersionRow& row : kRows) {
    if (version >= row.from && version < row.below) return &row;
  }
  return nullptr;
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

std::string Version::ToString() const { return fmt::format("{}.{}.{}", major, minor, patch); }

Result<Version> ParseVersion(std::string_view text) {
  std::array<int, 3> parts{};
  const char* at = text.data();
  const char* end = at + text.size();
  size_t count = 0;
  for (int& part : parts) {
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc() || part < 0) break;
    ++count;
    at = next;
    if (at == end || *at != '.') break;
    ++at;
  }
  if (count >= 2 && at == end) return Version{parts[0], parts[1], parts[2]};
  return UsageError(fmt::format("'{}' is no version of TensorRT", text), "give it as 8.6 or 10.3");
}

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
  for (const TargetRow& row : kTargets) {
    if (row.name == target) return row.usual;
  }
  return std::nullopt;
}

bool FitsTarget(std::string_view target, const Version& version) {
  for (const TargetRow& row : kTargets) {
    if (row.name == target) return version >= row.from && version < row.below;
  }
  return false;
}

std::string_view TargetFor(const Version& version) {
  for (const TargetRow& row : kTargets) {
    if (version >= row.from && version < row.below) return row.name;
  }
  return "";
}

Result<std::vector<std::string>> BuildOptions(const Version& version, const BuildRequest& request) {
  const VersionRow* row = FindRow(version);
  if (row == nullptr) {
    return UsageError(fmt::format("vlaq knows no flags for TensorRT {}", version.ToString()),
                      "it knows 8.6, 10 and 11");
  }
  for (const TypeRow& type : TypeRows()) {
    if (type.version != row->name || type.precision != request.precision) continue;
    std::vector<std::string> options = type.flags;
    // trtexec invents scales for a graph that has none of its own.
    if (!request.quantized) std::erase(options, "--int8");
    options.emplace_back("--profilingVerbosity=detailed");
    if (AnyDynamic(request.inputs)) {
      options.push_back(Shapes("--minShapes", request.inputs, &InputProfile::least));
      options.push_back(Shapes("--optShapes", request.inputs, &InputProfile::usual));
      options.push_back(Shapes("--maxShapes", request.inputs, &InputProfile::largest));
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
  const VersionRow* row = FindRow(version);
  if (row != nullptr) arguments.insert(arguments.end(), RunFlags(*row).begin(), RunFlags(*row).end());
  if (AnyDynamic(request.inputs)) {
    std::string shapes;
    for (const InputProfile& input : request.inputs) {
      std::vector<int64_t> shape = input.usual;
      if (input.least[0] != input.largest[0]) shape[0] = request.batch;
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
    if (row == nullptr || RunFlags(*row).empty()) arguments.emplace_back("--separateProfileRun");  // 11 always does
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
