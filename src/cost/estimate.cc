#include "cost/estimate.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_field.h"
#include "bundle/bundle.h"
#include "cost/device_file.h"
#include "cost/roofline.h"

namespace vlaq::cost {
namespace {

Result<PublishedPlan> ReadPublishedPlan(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  constexpr const char* kExample = "examples/mobile_vla/published_plan.json is one";
  const JsonField root(json, path.string(), kExample);
  root.HasSchema("vlaq.published_plan/1", kExample);
  const std::vector<double> rates = root["frames_per_s"].Numbers();
  const bool sound = rates.size() == 2 && rates[0] > 0 && rates[0] <= rates[1] && rates[1] < 1e9;
  if (!sound) root.FailAt("frames_per_s", "must be two numbers, the lower first");
  const int64_t bytes = root["bytes_below"].Integer(1);
  VLAQ_RETURN_IF_ERROR(root.status());
  return PublishedPlan{rates[0], rates[1], static_cast<uint64_t>(bytes)};
}

Status HoldAgainst(const std::filesystem::path& published, FitEstimate& estimate) {
  VLAQ_ASSIGN_OR_RETURN(estimate.published, ReadPublishedPlan(published));
  if (estimate.cost.FindScenario("frame") == nullptr) {
    return UsageError("--published is about a policy whose observations are encoded one by one, and this one's are not",
                      "leave --published out");
  }
  estimate.size = JudgeSize(estimate.cost, estimate.published.bytes);
  for (const double expected : {estimate.published.low, estimate.published.high}) {
    auto rate = JudgeRate(estimate.cost, expected, estimate.board.device, Fastest(estimate.board.modes));
    if (rate.ok()) estimate.rates.push_back(*std::move(rate));
  }
  return {};
}

}  // namespace

Result<Board> FindBoard(const std::string& device, const std::string& power) {
  Board board;
  if (std::filesystem::path(device).extension() == ".json") {
    VLAQ_ASSIGN_OR_RETURN(board.device, ReadDevice(device));
  } else {
    VLAQ_ASSIGN_OR_RETURN(const Device* known, FindDevice(device));
    board.device = *known;
  }
  board.modes = board.device.modes;
  if (power.empty()) return board;
  VLAQ_ASSIGN_OR_RETURN(const PowerMode* mode, board.device.FindMode(power));
  board.modes = {*mode};
  return board;
}

Result<CostEstimate> EstimateCost(const CostQuestion& question) {
  if (question.claim_per_second > 0 && question.device.empty()) {
    return UsageError("--claim-fps needs a device to hold it against", "give --device NAME");
  }
  CostEstimate estimate;
  if (!question.device.empty()) {  // before the graphs are read: a wrong name should not cost seconds
    VLAQ_ASSIGN_OR_RETURN(estimate.board, FindBoard(question.device, question.power));
  }
  VLAQ_ASSIGN_OR_RETURN(estimate.cost, CostOfModel(question.model, question.options));
  if (question.claim_bytes > 0) estimate.size = JudgeSize(estimate.cost, question.claim_bytes);
  if (question.claim_per_second > 0) {
    VLAQ_ASSIGN_OR_RETURN(estimate.rate, JudgeRate(estimate.cost, question.claim_per_second, estimate.board->device,
                                                   Fastest(estimate.board->modes)));
  }
  return estimate;
}

int64_t FitEstimate::unknown_values() const {
  int64_t unknown = 0;
  for (const GraphCost& graph : cost.graphs) unknown += graph.peak32.unknown;
  return unknown;
}

std::optional<double> FitEstimate::StepSeconds(const PrecisionFit& fit) const {
  const Scenario* step = cost.Step();
  if (step == nullptr) return std::nullopt;
  const auto limit = LimitOf(cost, *step, board.device, Fastest(board.modes), *fit.precision);
  return limit ? std::optional(limit->seconds) : std::nullopt;
}

Result<FitEstimate> EstimateFit(const FitQuestion& question) {
  std::error_code ignored;
  if (std::filesystem::exists(question.bundle, ignored) && !bundle::IsBundle(question.bundle)) {
    return UsageError(fmt::format("{} is not a bundle", question.bundle.string()),
                      "of a checkpoint make one first: vlaq export; vlaq plan cost says what a graph of another origin "
                      "costs");
  }
  FitEstimate estimate;
  VLAQ_ASSIGN_OR_RETURN(estimate.board, FindBoard(question.device, question.power));
  VLAQ_ASSIGN_OR_RETURN(estimate.cost, CostOfModel(question.bundle, question.options));
  estimate.memory = MemoryOf(estimate.board.device);
  estimate.fits = FitOf(estimate.cost, estimate.board.device, question.workspace);
  if (!question.published.empty()) VLAQ_RETURN_IF_ERROR(HoldAgainst(question.published, estimate));
  return estimate;
}

}  // namespace vlaq::cost
