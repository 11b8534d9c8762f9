#include "deployment/engine_job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/output.h"
#include "engine/version.h"

namespace vlaq::deployment {
namespace {

Result<engine::Builder> FindTool(const EngineJobRequest& request) {
  VLAQ_ASSIGN_OR_RETURN(engine::Builder builder, engine::FindBuilder(request.trtexec));
  if (request.tensorrt.empty()) return builder;
  VLAQ_ASSIGN_OR_RETURN(const engine::Version expected, engine::ParseVersion(request.tensorrt));
  if (expected.major == builder.version.major && expected.minor == builder.version.minor) return builder;
  return Error{ErrorCode::kBackend,
               fmt::format("belongs to TensorRT {}, and {} is asked for", builder.version.ToString(), request.tensorrt),
               builder.tool.path.string(), "name another with --trtexec"};
}

}  // namespace

Result<EngineJob> EngineJob::Prepare(EngineJobRequest request) {
  EngineJob job(std::move(request));
  const EngineJobRequest& asked = job.request_;
  if (asked.reference) VLAQ_RETURN_IF_ERROR(CheckComparable(asked.bundles, asked.graphs));
  VLAQ_ASSIGN_OR_RETURN(job.builder_, FindTool(asked));
  job.board_ = engine::ReadBoard("/");
  VLAQ_ASSIGN_OR_RETURN(job.planned_, PlanEngines(asked.bundles, asked.graphs, job.builder_.version,
                                                  job.builder_.tool.sha256, asked.options));
  VLAQ_RETURN_IF_ERROR(job.CheckBeforeWork());
  return job;
}

Status EngineJob::CheckBeforeWork() {
  const Existing existing = request_.options.existing;
  if (request_.choice) VLAQ_RETURN_IF_ERROR(CheckChoice(*request_.choice, planned_, existing));
  if (request_.measure) {
    std::vector<std::string> names;
    for (const PlannedEngine& e : planned_) names.push_back(ResultName(e));
    VLAQ_RETURN_IF_ERROR(CheckEarlierResults(ResultsPath(request_.options.folder), names,
                                             engine::WhyNotMeasured(board_, builder_.tool, builder_.banner),
                                             existing == Existing::kReplace));
    if (!request_.measure->estimate.empty()) {
      VLAQ_ASSIGN_OR_RETURN(estimate_, ReadEstimate(request_.measure->estimate));
    }
  }
  if (request_.reference) {
    VLAQ_ASSIGN_OR_RETURN(reference_, Reference::Open(std::move(*request_.reference), request_.bundles));
  }
  return {};
}

Status EngineJob::Build(Log& log) {
  const engine::BuildOptionsOfUser& options = request_.options;
  VLAQ_RETURN_IF_ERROR(MakeFolder(options.folder));
  std::vector<engine::EnginePlan> plans;
  for (const PlannedEngine& e : planned_) plans.push_back(e.plan);
  VLAQ_RETURN_IF_ERROR(engine::CheckDisk(options.folder, plans));
  for (const PlannedEngine& e : planned_) {
    auto built = e.plan.kept ? engine::ReadEngine(e.plan) : engine::BuildEngine(e.plan, builder_, board_, options, log);
    if (built.ok()) {
      engines_.push_back({e.plan, std::move(*built)});
      continue;
    }
    failed_.push_back({e.plan.file, built.error()});
    if (planned_.size() > 1) log.Warning(built.error().ToString());
  }
  return {};
}

Status EngineJob::Outcome() const {
  if (failed_.empty()) return {};
  Error error = failed_.front().error;
  if (engines_.empty() && failed_.size() == 1) return error;
  std::vector<std::string> names;
  for (const FailedEngine& e : failed_) names.push_back(e.file.filename().string());
  error.what =
      fmt::format("{} of {} engines failed ({}){}; the first: {}", failed_.size(), failed_.size() + engines_.size(),
                  fmt::join(names, ", "), engines_.empty() ? "" : ", the others are there", error.what);
  return error;
}

Result<ChosenPlan> EngineJob::Choose(Log& log) {
  if (!request_.choice) return InternalError("", "no choice by time was asked for");
  return ChooseByTime(*request_.choice, engines_, builder_, request_.options.timeout_s, request_.options.existing,
                      reference(), log);
}

Measured EngineJob::Measure(Log& log) {
  MeasureOptions options;
  options.folder = request_.options.folder;
  options.seconds = request_.measure.value_or(MeasureRequest{}).seconds;
  options.timeout_s = request_.options.timeout_s;
  options.replace = request_.options.existing == Existing::kReplace;
  options.estimate = estimate_;
  return MeasureEngines(engines_, builder_, board_, reference(), options, log);
}

}  // namespace vlaq::deployment
