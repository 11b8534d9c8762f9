// What `vlaq build` was asked, and the parts of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "engine/build.h"

namespace vlaq::cli {

struct BuildArguments {
  std::vector<std::string> bundles, precisions, parts, frames;
  std::filesystem::path engine_dir, plan_output, reference, estimate;
  std::string trtexec, tensorrt;
  uint64_t workspace_mib = 0;
  double timeout_s = 3 * 3600, seconds = 10, least_gain = 0.05, max_difference = 0;
  bool dry_run = false, choose = false, measure = false, force = false, json = false;
  BackendChoice backend;  // of the reference
};

struct NamedEngine {
  engine::EnginePlan plan;
  engine::BuiltEngine built;
};

// The mean absolute difference of the engine's actions from the fp32 bundle's, over windows of the frames. Absent
// without --reference. Errors: kInput, kBackend.
Result<std::optional<double>> DifferenceFromFp32(const BuildArguments& a, const NamedEngine& engine,
                                                 const engine::Builder& builder);

// jetson_tensorrt_results.json. Errors: kUnstable if it holds no measurement, with the reasons.
Status WriteEngineResults(const BuildArguments& a, const std::vector<NamedEngine>& engines,
                          const engine::Builder& builder, const engine::Board& board, Context& context);

// The INT8 plan, edited by the times of both engines, to a.plan_output.
Status ChooseByTime(const BuildArguments& a, const std::vector<NamedEngine>& engines, const engine::Builder& builder,
                    Context& context);

}  // namespace vlaq::cli
