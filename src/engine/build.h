// Drives trtexec: one engine from one graph of a bundle, checked before it gets its name, and a record beside it that
// says what it was made of, so that it is made again only if something changed.
//
//   policy_int8.trt        the engine of the bundle's policy.onnx
//   policy_int8.trt.json   what it was made of, by what, and what runs in it: layers with their times
//   policy_int8.trt.onnx   the engine for ONNX Runtime's TensorRT provider (wrapper.h), from TensorRT 10 on
//   timing_8.6.2.cache     TensorRT's own, so that a second build is short
//
// In scope: one engine at a time. Not aware of: which engines a robot needs, printing.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/output.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "engine/board.h"
#include "engine/log.h"
#include "engine/work.h"

namespace vlaq::engine {

// "policy_int8.trt" of the graph's file policy.onnx or policy_cpu.onnx, whose last word names what it ran on before. A
// mixed bundle's is an INT8 engine, too.
std::string EngineFile(const bundle::Bundle& bundle, std::string_view graph);
std::string_view EnginePrecision(const bundle::Bundle& bundle);  // "fp16", "int8", "int4"; "" for others

struct Builder {
  Tool tool;
  Version version;
  ToolLog banner;  // of asking it who it is
};
// Finds trtexec (`given`, else on PATH, else where JetPack puts it) and asks its version. Errors: kBackend saying what
// to install.
Result<Builder> FindBuilder(const std::string& given);
inline constexpr double kBannerTimeoutS = 60;

struct BuildOptionsOfUser {
  std::filesystem::path folder;
  uint64_t workspace_mib = 0;
  double timeout_s = 3 * 3600;
  Existing existing = Existing::kRefuse;
  TextExtents text;  // of the values that the policy's instruction becomes
};

// What will be done for one engine.
struct EnginePlan {
  const bundle::Bundle* bundle = nullptr;  // must outlive it
  std::string graph;                       // its name in bundle->policy.graphs
  std::string precision;                   // the bundle's
  std::filesystem::path file;
  GraphWork work;
  BuildRequest request;  // its engine is the final name until the build starts
  std::vector<std::string> options;
  std::string key;                                           // SHA-256 of all that decides what the engine is
  std::vector<std::pair<std::string, std::string>> made_of;  // file -> SHA-256
  std::optional<std::string> kept;                           // why it need not be built
};
// `graph`: a name in bundle.policy.graphs. Errors: kInput if the bundle does not fit the version; kUsage if the engine
// is there, made of something else, and may not be replaced.
Result<EnginePlan> PlanEngine(const bundle::Bundle& bundle, const std::string& graph, const Version& version,
                              const std::string& tool_sha256, const BuildOptionsOfUser& options);

struct BuiltEngine {
  std::filesystem::path file;
  bool built = false;  // else it was there
  uint64_t bytes = 0;
  std::string sha256;
  double seconds = 0;
  PrecisionReport report;
  std::vector<Layer> layers;
  std::vector<std::string> warnings, not_measured;
  std::optional<double> managed_mib;
};
// Errors: kBackend, kInput by the cause in the log; kVerification if it fell back. Nothing half-made stays; the log of
// a failed run does, as FILE.log.
Result<BuiltEngine> BuildEngine(const EnginePlan& plan, const Builder& builder, const Board& board,
                                const BuildOptionsOfUser& options, Log& log);
// An engine that is kept, from its record; its wrapper is written again if it is missing. Errors: kInput.
Result<BuiltEngine> ReadEngine(const EnginePlan& plan);

// The disk must hold the engines while they are made. Errors: kInput with both sizes.
Status CheckDisk(const std::filesystem::path& folder, const std::vector<EnginePlan>& plans);

}  // namespace vlaq::engine
