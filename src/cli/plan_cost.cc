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
#include "cli/plan_commands.h"
#include "cost/estimate_json.h"

namespace vlaq::cli {
namespace {

using cost::CostEstimate;
using cost::kFormats;
using cost::ModelCost;
using cost::RateVerdict;
using cost::SizeVerdict;

struct PlanCostArguments {
  CostArguments model;
  DeviceChoice device;
  uint64_t claim_size = 0;
  double claim_fps = 0;
  bool json = false;
};

std::string Graphs(const ModelCost& cost) {
  TextTable table({"graph", "type", "tensors", "parameters", "bytes"});
  for (const cost::GraphCost& graph : cost.graphs) {
    for (const onnx::StoredAs& kind : graph.work.stored) {
      table.AddRow({graph.name, std::string(DTypeName(kind.dtype)), Grouped(kind.tensors), Grouped(kind.parameters),
                    Grouped(static_cast<int64_t>(kind.bytes))});
    }
  }
  return Section("Weights", table);
}

std::string Operators(const ModelCost& cost) {
  TextTable table({"graph", "operator", "arithmetic", "nodes", "MACs", "share %"});
  for (const cost::GraphCost& graph : cost.graphs) {
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
  for (const cost::StorageFormat& format : kFormats) {
    const uint64_t bytes = cost::SmallestBytes(cost.parameters, format);
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
  for (const cost::RateNeed& need : rate.needs) {
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
  for (const cost::GraphCost& graph : cost.graphs) {
    if (graph.work.unknown.empty()) continue;
    text += fmt::format("  and in {} {}\n    the first: {}\n", graph.name, onnx::UnknownText(graph.work.unknown),
                        graph.work.first_unknown);
  }
  return text.empty() ? "" : "\nThe MACs above are the least that a run costs\n" + text;
}

void Print(const CostEstimate& estimate, std::ostream& out) {
  out << TitleText(estimate.cost) << Graphs(estimate.cost) << Operators(estimate.cost) << ScenariosText(estimate.cost)
      << Uncounted(estimate.cost) << Smallest(estimate.cost);
  if (estimate.board) out << LimitsText(estimate.cost, *estimate.board);
  if (estimate.size) out << SizeText(*estimate.size);
  if (estimate.rate) out << RateText(*estimate.rate);
}

// AsSizeValue takes "-5" for 18 million TB, and a file of nothing is no claim.
std::string RefuseNoSize(const std::string& text) {
  const bool some = text.find_first_of("123456789") != std::string::npos;
  if (some && text.find('-') == std::string::npos) return "";
  return fmt::format("'{}' is no size of a file: a whole number above 0, as 44MB", text);
}

}  // namespace

Action AddPlanCost(CLI::App& app, Context& context) {
  auto a = std::make_shared<PlanCostArguments>();
  a->model.AddTo(app, "A bundle, or any .onnx file");
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
    VLAQ_ASSIGN_OR_RETURN(const cost::CostOptions options, a->model.Options());
    VLAQ_ASSIGN_OR_RETURN(
        const CostEstimate estimate,
        cost::EstimateCost({a->model.path, options, a->device.name, a->device.power, a->claim_size, a->claim_fps}));
    if (a->json) {
      PrintJson(cost::ToJson(estimate), context.out);
    } else {
      Print(estimate, context.out);
    }
    if (estimate.possible()) return {};
    return Error{ErrorCode::kVerification, "the claim is impossible for this model", estimate.cost.path.string(), ""};
  };
}

}  // namespace vlaq::cli
