#include "cost/estimate_json.h"

#include "base/json.h"
#include "cost/device_file.h"
#include "cost/roofline.h"

namespace vlaq::cost {
namespace {

Json LimitJson(const ModelCost& cost, const Scenario& scenario, const PowerMode& mode, const Limit& limit) {
  Json row{{"power", mode.name},
           {"confirmed", mode.confirmed},
           {"precision", limit.precision->name},
           {"scenario", scenario.id},
           {"seconds_at_least", limit.seconds},
           {"per_second_at_most", limit.per_second()},
           {"compute_seconds", limit.compute_s}};
  if (limit.memory_s) row["memory_seconds"] = *limit.memory_s;
  if (scenario.is_step && cost.period_s) row["share_of_period"] = limit.seconds / *cost.period_s;
  row["bound_by"] = BoundName(limit.bound);
  return row;
}

Json ModelJson(const ModelCost& cost) {
  Json json{{"path", cost.path.string()}, {"kind", cost.is_bundle ? "bundle" : "onnx"}, {"parameters", cost.parameters},
            {"computed", cost.computed},  {"weights_bytes", cost.weights_bytes},        {"batch", 1}};
  if (cost.is_bundle) json["precision"] = cost.precision;
  if (cost.window) json["window"] = *cost.window;
  if (cost.tokens) json["prompt_tokens"] = *cost.tokens;
  if (cost.period_s) json["control_period_s"] = *cost.period_s;
  return json;
}

Json ScenariosJson(const ModelCost& cost) {
  Json list = Json::array();
  for (const Scenario& scenario : cost.scenarios) {
    Json graphs = Json::array();
    for (const size_t graph : scenario.graphs) graphs.push_back(cost.graphs[graph].name);
    list.push_back(
        {{"id", scenario.id}, {"title", scenario.title}, {"graphs", graphs}, {"macs", cost.MacsOf(scenario)}});
  }
  return list;
}

Json LimitsJson(const ModelCost& cost, const Board& board) {
  Json list = Json::array();
  for (const PowerMode& mode : board.modes) {
    for (const Scenario& scenario : cost.scenarios) {
      for (const PrecisionRow& precision : kPrecisions) {
        const auto limit = LimitOf(cost, scenario, board.device, mode, precision);
        if (limit) list.push_back(LimitJson(cost, scenario, mode, *limit));
      }
    }
  }
  return list;
}

Json RateJson(const RateVerdict& rate) {
  Json needs = Json::array();
  for (const RateNeed& need : rate.needs) {
    Json row{{"precision", need.limit.precision->name},
             {"macs_per_s", need.macs_per_s},
             {"times_peak", need.times_peak},
             {"bytes_per_s", need.bytes_per_s}};
    if (need.times_bandwidth) row["times_bandwidth"] = *need.times_bandwidth;
    row["per_second_at_most"] = need.limit.per_second();
    needs.push_back(std::move(row));
  }
  return {{"per_second", rate.claimed},
          {"scenario", rate.scenario},
          {"power", rate.mode},
          {"needs", std::move(needs)},
          {"possible", rate.possible}};
}

Json GraphJson(const GraphCost& graph) {
  Json stored = Json::array();
  for (const onnx::StoredAs& kind : graph.work.stored) {
    stored.push_back({{"dtype", DTypeName(kind.dtype)},
                      {"tensors", kind.tensors},
                      {"parameters", kind.parameters},
                      {"bytes", kind.bytes}});
  }
  Json operators = Json::array();
  for (const onnx::OperatorMacs& kind : graph.work.operators) {
    operators.push_back({{"op_type", kind.op_type},
                         {"arithmetic", onnx::ArithmeticName(kind.arithmetic)},
                         {"nodes", kind.nodes},
                         {"macs", kind.macs}});
  }
  return {{"name", graph.name},
          {"file", graph.file},
          {"parameters", graph.work.parameters},
          {"parameters_read", graph.work.parameters_read},
          {"macs", graph.work.macs},
          {"weights", std::move(stored)},
          {"operators", std::move(operators)},
          {"unknown_operators", graph.work.unknown}};
}

Json SizeJson(const SizeVerdict& size) {
  Json share = Json::object();
  for (size_t i = 0; i < kFormats.size(); ++i) share[std::string(kFormats[i].name)] = size.share[i];
  return {{"bytes", size.claimed},
          {"bits_per_parameter", size.bits_per_parameter},
          {"share_of_parameters", std::move(share)},
          {"possible", size.possible}};
}

Json RunJson(const RunFit& run) {
  return {{"engines", run.engines},
          {"weights_bytes", run.weights},
          {"activations_bytes", run.activations},
          {"running_bytes", run.running()},
          {"loading_bytes", run.running() + run.loading},
          {"fits", run.fits}};
}

Json BuildJson(const BuildFit& build) {
  return {{"id", build.id},
          {"title", build.title},
          {"stored_bytes", build.stored},
          {"builder_bytes", build.engine},
          {"serialized_bytes", build.serialized},
          {"workspace_bytes", build.workspace},
          {"activations_bytes", build.activations},
          {"peak_bytes", build.peak()},
          {"fits", build.fits}};
}

Json FitJson(const PrecisionFit& fit) {
  Json json{{"precision", fit.precision->name}, {"running", Json::array()}, {"building", Json::array()}};
  for (const RunFit& run : fit.runs) json["running"].push_back(RunJson(run));
  for (const BuildFit& build : fit.builds) json["building"].push_back(BuildJson(build));
  json["advised"] = fit.advised ? Json(fit.builds[*fit.advised].id) : Json();
  return json;
}

}  // namespace

Json ToJson(const CostEstimate& estimate) {
  Json json{{"schema", "vlaq.plan_cost/1"}, {"model", ModelJson(estimate.cost)}};
  json["graphs"] = Json::array();
  for (const GraphCost& graph : estimate.cost.graphs) json["graphs"].push_back(GraphJson(graph));
  json["scenarios"] = ScenariosJson(estimate.cost);
  Json smallest = Json::object();
  for (const StorageFormat& format : kFormats) {
    smallest[std::string(format.name)] = SmallestBytes(estimate.cost.parameters, format);
  }
  json["smallest_bytes"] = std::move(smallest);
  if (estimate.board) {
    json["estimate"] = {{"device", DeviceToJson(estimate.board->device)},
                        {"limits", LimitsJson(estimate.cost, *estimate.board)}};
  }
  if (estimate.size) json["claim_size"] = SizeJson(*estimate.size);
  if (estimate.rate) json["claim_fps"] = RateJson(*estimate.rate);
  return json;
}

Json ToJson(const FitEstimate& estimate) {
  Json json{{"schema", "vlaq.plan_device/1"},
            {"kind", "estimate"},
            {"measured", false},
            {"model", ModelJson(estimate.cost)},
            {"device", DeviceToJson(estimate.board.device)}};
  json["memory"] = {{"total_bytes", estimate.memory.total}, {"available_bytes", estimate.memory.available}};
  if (estimate.memory.reserved) json["memory"]["reserved_bytes"] = *estimate.memory.reserved;
  json["activations_unknown_values"] = estimate.unknown_values();
  json["fit"] = Json::array();
  for (const PrecisionFit& fit : estimate.fits) json["fit"].push_back(FitJson(fit));
  const PrecisionFit& own = estimate.own();
  json["answer"] = {{"precision", own.precision->name},
                    {"fits", own.fits()},
                    {"build", own.Advised().id},
                    {"peak_bytes", own.Advised().peak()}};
  json["scenarios"] = ScenariosJson(estimate.cost);
  json["limits"] = LimitsJson(estimate.cost, estimate.board);
  if (!estimate.size) return json;
  json["published"] = {{"frames_per_s", {estimate.published.low, estimate.published.high}},
                       {"bytes_below", estimate.published.bytes},
                       {"size_possible", estimate.size->possible},
                       {"rates", Json::array()}};
  for (const RateVerdict& rate : estimate.rates) json["published"]["rates"].push_back(RateJson(rate));
  return json;
}

}  // namespace vlaq::cost
