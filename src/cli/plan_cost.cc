// `vlaq plan cost`: the arithmetic of a model, and of what somebody claims of it.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/json.h"
#include "base/text.h"
#include "cli/cost_arguments.h"
#include "cli/cost_text.h"
#include "cli/device_choice.h"
#include "cli/inspect_text.h"
#include "cli/plan_verbs.h"
#include "planning/claims.h"
#include "target/device_file.h"

namespace vlaq::cli {
namespace {

using planning::kFormats;
using planning::ModelCost;
using planning::RateVerdict;
using planning::SizeVerdict;

struct PlanCostArguments {
  CostArguments cost;
  DeviceChoice device;
  uint64_t claim_size = 0;
  double claim_fps = 0;
  bool json = false;
};

struct PlanCostOutcome {
  ModelCost cost;
  std::optional<target::Device> device;
  std::vector<target::PowerMode> modes;
  std::optional<SizeVerdict> size;
  std::optional<RateVerdict> rate;

  bool possible() const { return (!size || size->possible) && (!rate || rate->possible); }
};

// ---- for people ----

std::string Graphs(const ModelCost& cost) {
  TextTable table({"graph", "type", "tensors", "parameters", "bytes"});
  for (const planning::GraphCost& graph : cost.graphs) {
    for (const onnx::StoredAs& kind : graph.work.stored) {
      table.AddRow({graph.name, std::string(DTypeName(kind.dtype)), Grouped(kind.tensors), Grouped(kind.parameters),
                    Grouped(static_cast<int64_t>(kind.bytes))});
    }
  }
  return Section("Weights", table);
}

std::string Operators(const ModelCost& cost) {
  TextTable table({"graph", "operator", "arithmetic", "nodes", "MACs", "share %"});
  for (const planning::GraphCost& graph : cost.graphs) {
    for (const onnx::OperatorMacs& kind : graph.work.operators) {
      table.AddRow({graph.name, kind.op_type, std::string(onnx::ArithmeticName(kind.arithmetic)), Grouped(kind.nodes),
                    HumanMacs(static_cast<double>(kind.macs)),
                    fmt::format("{:.1f}", 100 * static_cast<double>(kind.macs) /
                                              static_cast<double>(std::max<int64_t>(1, graph.work.macs)))});
    }
  }
  return Section("Multiply-accumulates of one run, by operator", table);
}

std::string Smallest(const ModelCost& cost) {
  TextTable table({"format", "bits", "at least", "bytes"});
  for (const planning::StorageFormat& format : kFormats) {
    const uint64_t bytes = planning::SmallestBytes(cost.parameters, format);
    table.AddRow({std::string(format.name), std::to_string(format.bits), HumanBytes(bytes),
                  Grouped(static_cast<int64_t>(bytes))});
  }
  return Section("Smallest possible size: parameters x bits, scales not counted", table);
}

std::string SizeText(const SizeVerdict& size) {
  std::string text =
      fmt::format("\nClaim {}: {}. That is {} bits a parameter; so many bytes hold at most\n", HumanBytes(size.claimed),
                  size.possible ? "possible" : "impossible for this model", HumanNumber(size.bits_per_parameter));
  for (size_t i = 0; i < kFormats.size(); ++i) {
    text += fmt::format("  {} % of the parameters at {}\n", HumanNumber(100 * size.share[i]), kFormats[i].name);
  }
  return text;
}

std::string RateText(const RateVerdict& rate) {
  const bool frames = rate.scenario == "frame";
  std::string text = fmt::format("\nClaim {} {}/s, power {}: {}. It needs {}/s, which is\n", HumanNumber(rate.claimed),
                                 frames ? "frames" : "runs", rate.mode,
                                 rate.possible ? "possible at the roofline" : "impossible on this device",
                                 HumanMacs(rate.needs.front().macs_per_s));
  for (const planning::RateNeed& need : rate.needs) {
    text += fmt::format("  {} times the {} peak", HumanNumber(need.times_peak), need.limit.precision->name);
    if (need.times_bandwidth) {
      text += fmt::format("; reading the weights takes {} GB/s, {} times the bandwidth",
                          HumanNumber(need.bytes_per_s / 1e9), HumanNumber(*need.times_bandwidth));
    }
    text += fmt::format("; at most {}/s\n", HumanNumber(need.limit.per_second()));
  }
  return text;
}

// Operators of which nothing is known: what they multiply comes on top.
std::string Uncounted(const ModelCost& cost) {
  std::string text;
  for (const planning::GraphCost& graph : cost.graphs) {
    if (graph.work.unknown.empty()) continue;
    text += fmt::format("  and in {} {}\n    the first: {}\n", graph.name, onnx::UnknownText(graph.work.unknown),
                        graph.work.first_unknown);
  }
  return text.empty() ? "" : "\nThe MACs above are the least that a run costs\n" + text;
}

void Print(const PlanCostOutcome& outcome, std::ostream& out) {
  out << TitleText(outcome.cost) << Graphs(outcome.cost) << Operators(outcome.cost) << ScenariosText(outcome.cost)
      << Uncounted(outcome.cost) << Smallest(outcome.cost);
  if (outcome.device) out << LimitsText(outcome.cost, *outcome.device, outcome.modes);
  if (outcome.size) out << SizeText(*outcome.size);
  if (outcome.rate) out << RateText(*outcome.rate);
}

// ---- for programs ----

Json GraphJson(const planning::GraphCost& graph) {
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

Json AsJson(const PlanCostOutcome& outcome) {
  Json json{{"schema", "vlaq.plan_cost/1"}, {"model", ModelJson(outcome.cost)}};
  json["graphs"] = Json::array();
  for (const planning::GraphCost& graph : outcome.cost.graphs) json["graphs"].push_back(GraphJson(graph));
  json["scenarios"] = ScenariosJson(outcome.cost);
  Json smallest = Json::object();
  for (const planning::StorageFormat& format : kFormats) {
    smallest[std::string(format.name)] = planning::SmallestBytes(outcome.cost.parameters, format);
  }
  json["smallest_bytes"] = std::move(smallest);
  if (outcome.device) {
    json["estimate"] = {{"device", target::DeviceToJson(*outcome.device)},
                        {"limits", LimitsJson(outcome.cost, *outcome.device, outcome.modes)}};
  }
  if (outcome.size) json["claim_size"] = SizeJson(*outcome.size);
  if (outcome.rate) json["claim_fps"] = RateJson(*outcome.rate);
  return json;
}

// AsSizeValue takes "-5" for 18 million TB, and a file of nothing is no claim.
std::string RefuseNoSize(const std::string& text) {
  const bool some = text.find_first_of("123456789") != std::string::npos;
  if (some && text.find('-') == std::string::npos) return "";
  return fmt::format("'{}' is no size of a file: a whole number above 0, as 44MB", text);
}

Result<PlanCostOutcome> PlanCost(const PlanCostArguments& a) {
  if (a.claim_fps > 0 && a.device.name.empty()) {
    return UsageError("--claim-fps needs a device to hold it against", "give --device NAME");
  }
  PlanCostOutcome outcome;
  if (!a.device.name.empty()) {  // before the graphs are read: a wrong name should not cost seconds
    VLAQ_ASSIGN_OR_RETURN(outcome.device, a.device.Read());
    VLAQ_ASSIGN_OR_RETURN(outcome.modes, a.device.Modes(*outcome.device));
  }
  VLAQ_ASSIGN_OR_RETURN(outcome.cost, a.cost.Read());
  if (a.claim_size > 0) outcome.size = planning::JudgeSize(outcome.cost, a.claim_size);
  if (a.claim_fps > 0) {
    VLAQ_ASSIGN_OR_RETURN(
        outcome.rate, planning::JudgeRate(outcome.cost, a.claim_fps, *outcome.device, target::Fastest(outcome.modes)));
  }
  return outcome;
}

}  // namespace

Action AddPlanCost(CLI::App& app, Context& context) {
  auto a = std::make_shared<PlanCostArguments>();
  a->cost.AddTo(app, "A bundle, or any .onnx file");
  a->device.AddTo(app, false);
  AsSize(app.add_option("--claim-size", a->claim_size, "Say whether a file this small is possible; exit code 5 if not"))
      ->transform(CLI::Validator(RefuseNoSize, ""));  // runs before AsSize's
  app.add_option("--claim-fps", a->claim_fps, "Say whether this many frames a second are possible; exit code 5 if not")
      ->check(CLI::PositiveNumber)
      ->type_name("NUMBER");
  AddJsonFlag(app, a->json);
  app.footer(
      "Times are estimates: the roofline, which nothing beats.\n"
      "Examples:\n"
      "  vlaq plan cost policy\n"
      "  vlaq plan cost policy --device orin-nx-16 --power MAXN\n"
      "  vlaq plan cost policy --device orin-nx-16 --claim-size 44MB --claim-fps 700\n"
      "  vlaq plan cost model.onnx --extent sequence=128 --device mine.json --json");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const PlanCostOutcome outcome, PlanCost(*a));
    if (a->json) {
      PrintJson(AsJson(outcome), context.out);
    } else {
      Print(outcome, context.out);
    }
    if (outcome.possible()) return {};
    return Error{ErrorCode::kVerification, "the claim is impossible for this model", outcome.cost.path.string(), ""};
  };
}

}  // namespace vlaq::cli
