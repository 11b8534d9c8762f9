// `vlaq plan device`: will a policy fit on a board, and how long would a step take at the very least. An estimate: the
// board was not there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/json_field.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "cli/cost_arguments.h"
#include "cli/cost_text.h"
#include "cli/device_choice.h"
#include "cli/inspect_text.h"
#include "cli/plan_verbs.h"
#include "planning/claims.h"
#include "planning/device_fit.h"
#include "target/device_file.h"

namespace vlaq::cli {
namespace {

using planning::BuildFit;
using planning::DeviceMemory;
using planning::ModelCost;
using planning::PrecisionFit;
using planning::RunFit;

// What a published plan expected of a policy.
struct PublishedPlan {
  double low = 0, high = 0;  // observations a second
  uint64_t bytes = 0;        // of its weights, at most
};

struct PlanDeviceArguments {
  CostArguments cost;
  DeviceChoice device;
  uint64_t workspace = uint64_t{2} << 30U;
  std::filesystem::path published;
  bool details = false, json = false;
};

struct PlanDeviceOutcome {
  ModelCost cost;
  target::Device device;
  std::vector<target::PowerMode> modes;
  DeviceMemory memory;
  std::vector<PrecisionFit> fits;
  bool details = false;  // how it adds up
  // Of a published plan, if asked for.
  PublishedPlan published;
  std::optional<planning::SizeVerdict> size;
  std::vector<planning::RateVerdict> rates;  // low and high; none if the device has no peak
};

int64_t UnknownValues(const ModelCost& cost) {
  int64_t unknown = 0;
  for (const auto& graph : cost.graphs) unknown += graph.peak32.unknown;
  return unknown;
}

// ---- for people ----

std::string YesNo(bool yes) { return yes ? "yes" : "NO"; }

std::string MemoryText(const PlanDeviceOutcome& o) {
  TextTable table({"", "bytes"});
  table.AddRow({"module", HumanBytes(o.memory.total)});
  table.AddRow({"firmware, kernel, idle desktop", o.memory.reserved ? HumanBytes(*o.memory.reserved) : "not known"});
  table.AddRow({"left for engines", (o.memory.reserved ? "" : "less than ") + HumanBytes(o.memory.available)});
  return Section("Memory (estimate)", table);
}

std::string RunText(const PlanDeviceOutcome& o) {
  TextTable table({"engines", "precision", "weights", "activations", "running", "while loading", "fits"});
  for (const PrecisionFit& fit : o.fits) {
    for (const RunFit& run : fit.runs) {
      table.AddRow({fmt::format("{}", fmt::join(run.engines, " + ")), std::string(run.precision->name),
                    HumanBytes(run.weights), HumanBytes(run.activations), HumanBytes(run.running()),
                    HumanBytes(run.running() + run.loading), YesNo(run.fits)});
    }
  }
  std::string text = Section("Running (estimate)", table);
  text +=
      "  Activations are those of a walk over the graph that frees each value after its last reader: engines that "
      "fuse\n"
      "  need less. Not counted: the CUDA context, libraries, cameras.\n";
  if (const int64_t unknown = UnknownValues(o.cost); unknown > 0) {
    text += fmt::format("  {} values have shapes that are not known, and are not in these figures.\n", unknown);
  }
  return text;
}

std::string BuildText(const PlanDeviceOutcome& o) {
  TextTable table({"precision", "how", "parser holds", "builder", "engine file", "workspace", "peak", "fits"});
  for (const PrecisionFit& fit : o.fits) {
    for (const BuildFit& build : fit.builds) {
      table.AddRow({std::string(fit.precision->name), std::string(build.id), HumanBytes(build.stored),
                    HumanBytes(build.engine), HumanBytes(build.serialised), HumanBytes(build.workspace),
                    HumanBytes(build.peak()), YesNo(build.fits)});
    }
  }
  std::string text = Section("Building on the board (estimate; activations are in the peak)", table);
  for (const BuildFit& build : o.fits.front().builds) text += fmt::format("  {}: {}\n", build.id, build.title);
  return text;
}

std::string SumText(const BuildFit& build) {
  return fmt::format("{} + {} + {} + {} + {} = {}", HumanBytes(build.stored), HumanBytes(build.engine),
                     HumanBytes(build.serialised), HumanBytes(build.workspace), HumanBytes(build.activations),
                     HumanBytes(build.peak()));
}

// What to do where the plainest way does not fit.
std::string AdviceFor(const PrecisionFit& fit, uint64_t available) {
  const BuildFit& plainest = fit.builds.front();
  const std::string what = plainest.whole ? "one engine of the whole policy" : plainest.title;
  if (plainest.fits) return fmt::format("{} can be built: {}", what, SumText(plainest));
  std::string text = fmt::format("{} cannot be built: {}, {} more than there is", what, SumText(plainest),
                                 HumanBytes(plainest.peak() - available));
  if (fit.advised) {
    const BuildFit& build = fit.builds[*fit.advised];
    return text + fmt::format("\n        build {}: {}", build.title, SumText(build));
  }
  const BuildFit& least = *std::ranges::min_element(fit.builds, {}, &BuildFit::peak);
  text += fmt::format("\n        nor any other way: {} takes {}", least.id, SumText(least));
  const uint64_t without = least.peak() - least.workspace;
  if (without < available) {
    text += fmt::format("; with --workspace below {} it would fit", HumanBytes(available - without));
  }
  return text;
}

std::string AdviceText(const PlanDeviceOutcome& o) {
  std::string text = "\nSo (parser + builder + engine file + workspace + activations)\n";
  for (const PrecisionFit& fit : o.fits) {
    text += fmt::format("  {}: {}\n", fit.precision->name, AdviceFor(fit, o.memory.available));
  }
  return text;
}

std::string PublishedText(const PlanDeviceOutcome& o) {
  std::string text = fmt::format(
      "\nThe published plan expected {:.0f} to {} frames/s and less than {}\n"
      "  size: {}; {} parameters take {} at least, at 4 bits each, and {} holds {} bits for each\n",
      o.published.low, Grouped(static_cast<int64_t>(o.published.high)), HumanBytes(o.published.bytes),
      o.size->possible ? "possible" : "impossible", Grouped(o.cost.parameters),
      HumanBytes(planning::SmallestBytes(o.cost.parameters, planning::kFormats.back())), HumanBytes(o.published.bytes),
      HumanNumber(o.size->bits_per_parameter));
  for (const planning::RateVerdict& rate : o.rates) {
    const auto& best = *std::ranges::max_element(rate.needs, {}, [](const auto& n) { return n.limit.per_second(); });
    text += fmt::format("  {} frames/s: {}; they need {}/s, {} times the {} peak in {}, where {}/s are the most\n",
                        HumanNumber(rate.claimed), rate.possible ? "possible at the roofline" : "impossible",
                        HumanMacs(best.macs_per_s), HumanNumber(best.times_peak), best.limit.precision->name, rate.mode,
                        HumanNumber(best.limit.per_second()));
  }
  return text;
}

// "12.2 of 13.7 GB"
std::string Of(uint64_t part, uint64_t whole) {
  const std::string text = HumanBytes(part), all = HumanBytes(whole);
  const size_t unit = text.find(' ');
  const bool same = unit != std::string::npos && text.substr(unit) == all.substr(std::min(all.size(), all.find(' ')));
  return fmt::format("{} of {}", same ? text.substr(0, unit) : text, all);
}

const BuildFit& AdvisedBuild(const PrecisionFit& fit) {
  return fit.advised ? fit.builds[*fit.advised] : *std::ranges::min_element(fit.builds, {}, &BuildFit::peak);
}

bool Fits(const PrecisionFit& fit) { return fit.advised && fit.RunOf(AdvisedBuild(fit)).fits; }

// Of a step, as the robot runs it, in the fastest of the modes; "" without a peak.
std::string LeastStep(const PlanDeviceOutcome& o, const PrecisionFit& fit) {
  const auto* scenario = o.cost.Step();
  if (scenario == nullptr) return "";
  const auto limit = planning::LimitOf(o.cost, *scenario, o.device, target::Fastest(o.modes), *fit.precision);
  return limit ? HumanSeconds(limit->seconds) : "";
}

// The whole answer.
std::string AnswerText(const PlanDeviceOutcome& o) {
  const PrecisionFit& fit = planning::OwnFit(o.fits, o.cost.precision);
  const BuildFit& build = AdvisedBuild(fit);
  std::string text = fmt::format("fits: {}, {}{}, peak {}", YesNo(Fits(fit)), fit.advised ? "" : "the least is to ",
                                 build.doing, Of(build.peak(), o.memory.available));
  if (const RunFit& run = fit.RunOf(build); !run.fits) {
    text += fmt::format("; loading takes {}", Of(run.running() + run.loading, o.memory.available));
  }
  const std::string step = LeastStep(o, fit);
  if (!step.empty()) text += fmt::format("; at least {} a step", step);
  return text + fmt::format(" ({}, {}; an estimate)\n", fit.precision->name, target::Fastest(o.modes).name);
}

// One line for each precision that this bundle's engines may have.
std::string ChoicesText(const PlanDeviceOutcome& o) {
  const PrecisionFit& own = planning::OwnFit(o.fits, o.cost.precision);
  TextTable table({"engines", "to build", "peak", "running", "fits", "a step, at least"});
  for (const PrecisionFit& fit : o.fits) {
    if (o.cost.precision != "fp32" && &fit != &own) continue;
    const BuildFit& build = AdvisedBuild(fit);
    table.AddRow({std::string(fit.precision->name), std::string(build.doing), HumanBytes(build.peak()),
                  HumanBytes(fit.RunOf(build).running()), YesNo(Fits(fit)), LeastStep(o, fit)});
  }
  return Section(fmt::format("On {} (estimate: {} for engines, power {})", Printable(o.device.title),
                             HumanBytes(o.memory.available), target::Fastest(o.modes).name),
                 table);
}

void Print(const PlanDeviceOutcome& o, std::ostream& out) {
  out << AnswerText(o) << TitleText(o.cost) << ChoicesText(o);
  const PrecisionFit& own = planning::OwnFit(o.fits, o.cost.precision);
  if (!o.details && !Fits(own)) out << "  " << AdviceFor(own, o.memory.available) << "\n";
  if (o.details) {
    out << MemoryText(o) << RunText(o) << BuildText(o) << AdviceText(o) << ScenariosText(o.cost)
        << LimitsText(o.cost, o.device, o.modes);
  }
  if (o.size) out << PublishedText(o);
  if (!o.details) {
    out << "  By arithmetic alone, nothing was measured: --details shows how it adds up\n";
    return;
  }
  out << fmt::format("\nSources\n  {}: {}\n", Printable(o.device.name), Printable(o.device.source));
  for (const auto& mode : o.modes) out << fmt::format("  {}: {}\n", Printable(mode.name), Printable(mode.source));
}

// ---- for programs ----

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
          {"serialised_bytes", build.serialised},
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

Json AsJson(const PlanDeviceOutcome& o) {
  Json json{{"schema", "vlaq.plan_device/1"},
            {"kind", "estimate"},
            {"measured", false},
            {"model", ModelJson(o.cost)},
            {"device", target::DeviceToJson(o.device)}};
  json["memory"] = {{"total_bytes", o.memory.total}, {"available_bytes", o.memory.available}};
  if (o.memory.reserved) json["memory"]["reserved_bytes"] = *o.memory.reserved;
  json["activations_unknown_values"] = UnknownValues(o.cost);
  json["fit"] = Json::array();
  for (const PrecisionFit& fit : o.fits) json["fit"].push_back(FitJson(fit));
  const PrecisionFit& own = planning::OwnFit(o.fits, o.cost.precision);
  json["answer"] = {{"precision", own.precision->name},
                    {"fits", Fits(own)},
                    {"build", AdvisedBuild(own).id},
                    {"peak_bytes", AdvisedBuild(own).peak()}};
  json["scenarios"] = ScenariosJson(o.cost);
  json["limits"] = LimitsJson(o.cost, o.device, o.modes);
  if (!o.size) return json;
  json["published"] = {{"frames_per_s", {o.published.low, o.published.high}},
                       {"bytes_below", o.published.bytes},
                       {"size_possible", o.size->possible},
                       {"rates", Json::array()}};
  for (const planning::RateVerdict& rate : o.rates) json["published"]["rates"].push_back(RateJson(rate));
  return json;
}

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

Result<PlanDeviceOutcome> PlanDevice(const PlanDeviceArguments& a) {
  PlanDeviceOutcome o;
  std::error_code ignored;
  if (std::filesystem::exists(a.cost.path, ignored) && !bundle::IsBundle(a.cost.path)) {
    return UsageError(fmt::format("{} is not a bundle", a.cost.path.string()),
                      "of a checkpoint make one first: vlaq export; vlaq plan cost says what a graph of another origin "
                      "costs");
  }
  VLAQ_ASSIGN_OR_RETURN(o.device, a.device.Read());
  VLAQ_ASSIGN_OR_RETURN(o.modes, a.device.Modes(o.device));
  VLAQ_ASSIGN_OR_RETURN(o.cost, a.cost.Read());
  o.memory = planning::MemoryOf(o.device);
  o.fits = planning::FitOf(o.cost, o.device, a.workspace);
  o.details = a.details;
  if (a.published.empty()) return o;
  VLAQ_ASSIGN_OR_RETURN(o.published, ReadPublishedPlan(a.published));
  if (o.cost.FindScenario("frame") == nullptr) {
    return UsageError("--published is about a policy whose observations are encoded one by one, and this one's are not",
                      "leave --published out");
  }
  o.size = planning::JudgeSize(o.cost, o.published.bytes);
  for (const double expected : {o.published.low, o.published.high}) {
    auto rate = planning::JudgeRate(o.cost, expected, o.device, target::Fastest(o.modes));
    if (rate.ok()) o.rates.push_back(*std::move(rate));
  }
  return o;
}

}  // namespace

Action AddPlanDevice(CLI::App& app, Context& context) {
  auto a = std::make_shared<PlanDeviceArguments>();
  a->cost.AddTo(app, "A bundle");
  a->device.AddTo(app, true);
  AsSize(app.add_option("--workspace", a->workspace, "Memory that the builder may try kernels in"))
      ->default_str("2GiB");
  app.add_flag("--details", a->details, "Show how memory and time add up, for every precision and way of building");
  app.add_option(
         "--published", a->published,
         "Hold what a published plan expected of the policy against it, too (examples/mobile_vla/published_plan.json)")
      ->type_name("PLAN.json");
  AddJsonFlag(app, a->json);
  app.footer(
      "Everything it prints is an estimate, from data sheets and shapes; what a board really does, only a board says.\n"
      "Examples:\n"
      "  vlaq plan device policy --device orin-nx-16\n"
      "  vlaq plan device policy --device orin-nx-16 --power 15W --json\n"
      "  vlaq plan device policy --device mine.json --workspace 512MiB");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const PlanDeviceOutcome outcome, PlanDevice(*a));
    if (a->json) {
      PrintJson(AsJson(outcome), context.out);
    } else {
      Print(outcome, context.out);
    }
    return {};
  };
}

}  // namespace vlaq::cli
