// Which TensorRT a trtexec belongs to, and how each version wants to be asked: the words of its command line, from the
// table of versions in target/tensorrt.h. Not aware of: running it. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "target/target.h"

namespace vlaq::engine {

using target::FitsTarget;
using target::ParseVersion;
using target::TargetFor;
using target::Version;

// The number in trtexec's own banner, [TensorRT v8602] or [TensorRT v100300]: a digit for the minor version until 9,
// two for each after that. Nothing if it is none.
std::optional<Version> VersionFromBanner(std::string_view digits);
// What a bundle made for a target is meant to run on, if it says nothing closer: "tensorrt-8.6" -> 8.6.
std::optional<Version> VersionOfTarget(std::string_view target);

// One input of a graph with the shapes that the engine shall take, as TensorRT names them: from min to max, fastest at
// opt.
struct InputProfile {
  std::string name;
  std::vector<int64_t> min, opt, max;
  bool dynamic() const { return min != max; }
};

struct BuildRequest {
  std::string onnx, engine, timing_cache;  // paths
  std::string precision;                   // the bundle's: "fp16", "int8", "int4", "mixed"
  bool quantized = false;                  // whether this graph of it has Q/DQ at all
  std::vector<InputProfile> inputs;
  uint64_t workspace_mib = 0;  // 0: TensorRT's own limit, all of the memory
};
// What follows the program's name. Errors: kUsage if this version builds no such precision.
Result<std::vector<std::string>> BuildArguments(const Version& version, const BuildRequest& request);
// The part of it that decides what the engine is: no paths. Two engines of one graph with equal options are equal.
Result<std::vector<std::string>> BuildOptions(const Version& version, const BuildRequest& request);

struct InspectRequest {
  std::string engine, layers, profile, times;  // paths
  std::vector<InputProfile> inputs;
  int64_t batch = 1;
  double seconds = 3;
  // With values of one's own: name -> file of raw numbers, and where the outputs go. Without: noise.
  std::map<std::string, std::string> load;
  std::string outputs;
};
// A run is asked for alike in every version: copies to and from the device belong to it, nothing is captured in a
// graph.
std::vector<std::string> InspectArguments(const Version& version, const InspectRequest& request);

}  // namespace vlaq::engine
