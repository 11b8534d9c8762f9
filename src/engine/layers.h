// The JSON files that trtexec exports, read: what layers an engine has and in which precision each computes, how long
// each takes, how long every run took, what came out.
//
// In scope: TensorRT 8.6 to 11. The files may be damaged: errors name the file and the place. Not aware of: what a
// policy's graph needs. Pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq::engine {

// The narrowest first.
enum class Precision { kInt8, kHalf, kFloat32, kOther, kUnknown };
std::string_view PrecisionName(Precision precision);
std::optional<Precision> FindPrecision(std::string_view name);

struct Layer {
  std::string name, type, tactic;
  Precision precision = Precision::kUnknown;  // that it computes in
  bool reformat = false;                      // moves or converts values and computes nothing
  std::vector<std::string> nodes;             // of the ONNX graph that it is made of, as far as it says
  std::optional<double> average_ms;
};

// --exportLayerInfo. Errors: kBackend; also if the file has names alone (its engine was built without details).
Result<std::vector<Layer>> ReadLayers(std::string_view text, const std::string& where);
// --exportProfile: the average time of each layer is put to it. What the profile names and the layers do not is left.
// Errors: kBackend.
Status ReadProfile(std::string_view text, const std::string& where, std::vector<Layer>& layers);

// --exportTimes: all runs after warming up, in ms.
struct RunTimes {
  std::vector<double> latency, compute;  // with the copies to and from the device; without
};
Result<RunTimes> ReadTimes(std::string_view text, const std::string& where);

// --exportOutput: values by output name. Errors: kBackend.
Result<std::map<std::string, std::vector<double>>> ReadOutputs(std::string_view text, const std::string& where);

// For records: a layer and back. Errors of reading: kInput.
Json LayersToJson(const std::vector<Layer>& layers);
Result<std::vector<Layer>> LayersFromJson(const Json& json, const std::string& where);

}  // namespace vlaq::engine
