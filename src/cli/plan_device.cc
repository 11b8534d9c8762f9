// `vlaq plan device`: will a policy fit on a board, and how long would a step take at the very least. An estimate: the
// board was not there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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

using cost::BuildFit;
using cost::FitEstimate;
using cost::PrecisionFit;
using cost::RunFit;

struct PlanDeviceArguments {
  CostArguments model;
  DeviceChoice device;
  uint64_t workspace = uint64_t{2} << 30U;
  std::filesystem::path published;
  bool details = false, json = false;
};

std::string YesNo(bool yes) { return yes ? "yes" : "NO"; }

std::string MemoryText(const FitEstimate& o) {
  TextTable table({"", "bytes"});
  table.AddRow({"module", HumanBytes(o.memory.total)});
  table.AddRow({"firmware, kernel, idle desktop", o.memory.reserved ? HumanBytes(*o.memory.reserved) : "not known"});
  table.AddRow({"left for engines", (o.memory.reserved ? "" : "less than ") + HumanBytes(o.memory.available)});
  return Section("Memory (estimate)", table);
}

std::string RunText(const FitEstimate& o) {
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
  if (const int64_t unknown = o.unknown_values(); unknown > 0) {
    text += fmt::format("  {} values have shapes that are not known, and are not in these figures.\n", unknown);
  }
  return text;
}

std::string BuildText(const FitEstimate& o) {
  TextTable table({"precision", "how", "parser holds", "builder", "engine file", "workspace", "peak", "fits"});
  for (const PrecisionFit& fit : o.fits) {
    for (const BuildFit& build : fit.builds) {
      table.AddRow({std::string(fit.precision->name), std::string(build.id), HumanBytes(build.stored),
                    HumanBytes(build.engine), HumanBytes(build.serialized), HumanBytes(build.workspace),
                    HumanBytes(build.peak()), YesNo(build.fits)});
    }
  }
  std::string text = Section("Building on the board (estimate; activations are in the peak)", table);
  for (const BuildFit& build : o.fits.front().builds) text += fmt::format("  {}: {}\n", build.id, build.title);
  return text;
}

std::string SumText(const BuildFit& build) {
  return fmt::format("{} + {} + {} + {} + {} = {}", HumanBytes(build.stored), HumanBytes(build.engine),
                     HumanBytes(build.serialized), HumanBytes(build.workspace), HumanBytes(build.activations),
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
  const BuildFit& least = fit.Advised();
  text += fmt::format("\n        nor any other way: {} takes {}", least.id, SumText(least));
  const uint64_t without = least.peak() - least.workspace;
  if (without < available) {
    text += fmt::format("; with --workspace below {} it would fit", HumanBytes(available - without));
  }
  return text;
}

std::string AdviceText(const FitEstimate& o) {
  std::string text = "\nSo (parser + builder + engine file + workspace + activations)\n";
  for (const PrecisionFit& fit : o.fits) {
    text += fmt::format("  {}: {}\n", fit.precision->name, AdviceFor(fit, o.memory.available));
  }
  return text;
}

std::string PublishedText(const FitEstimate& o) {
  std::string text = fmt::format(
      "\nThe published plan expected {:.0f} to {} frames/s and less than {}\n"
      "  size: {}; {} parameters take {} at least, at 4 bits each, and {} holds {} bits for each\n",
      o.published.low, Grouped(static_cast<int64_t>(o.published.high)), HumanBytes(o.published.bytes),
      o.size->possible ? "possible" : "impossible", Grouped(o.cost.parameters),
      HumanBytes(cost::SmallestBytes(o.cost.parameters, cost::kFormats.back())), HumanBytes(o.published.bytes),
      HumanNumber(o.size->bits_per_parameter));
  for (const cost::RateVerdict& rate : o.rates) {
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

// The shortest possible time of a step, as the robot runs it, in the fastest of the modes; "" without a peak.
std::string LeastStep(const FitEstimate& o, const PrecisionFit& fit) {
  const std::optional<double> seconds = o.StepSeconds(fit);
  return seconds ? HumanSeconds(*seconds) : "";
}

// The whole answer.
std::string AnswerText(const FitEstimate& o) {
  const PrecisionFit& fit = o.own();
  const BuildFit& build = fit.Advised();
  std::string text = fmt::format("fits: {}, {}{}, peak {}", YesNo(fit.fits()), fit.advised ? "" : "the least is to ",
                                 build.doing, Of(build.peak(), o.memory.available));
  if (const RunFit& run = fit.RunOf(build); !run.fits) {
    text += fmt::format("; loading takes {}", Of(run.running() + run.loading, o.memory.available));
  }
  const std::string step = LeastStep(o, fit);
  if (!step.empty()) text += fmt::format("; at least {} a step", step);
  return text + fmt::format(" ({}, {}; an estimate)\n", fit.precision->name, cost::Fastest(o.board.modes).name);
}

// One line for each precision that this bundle's engines may have.
std::string ChoicesText(const FitEstimate& o) {
  const PrecisionFit& own = o.own();
  TextTable table({"engines", "to build", "peak", "running", "fits", "a step, at least"});
  for (const PrecisionFit& fit : o.fits) {
    if (o.cost.precision != "fp32" && &fit != &own) continue;
    const BuildFit& build = fit.Advised();
    table.AddRow({std::string(fit.precision->name), std::string(build.doing), HumanBytes(build.peak()),
                  HumanBytes(fit.RunOf(build).running()), YesNo(fit.fits()), LeastStep(o, fit)});
  }
  return Section(fmt::format("On {} (estimate: {} for engines, power {})", Printable(o.board.device.title),
                             HumanBytes(o.memory.available), cost::Fastest(o.board.modes).name),
                 table);
}

void Print(const FitEstimate& o, bool details, std::ostream& out) {
  out << AnswerText(o) << TitleText(o.cost) << ChoicesText(o);
  const PrecisionFit& own = o.own();
  if (!details && !own.fits()) out << "  " << AdviceFor(own, o.memory.available) << "\n";
  if (details) {
    out << MemoryText(o) << RunText(o) << BuildText(o) << AdviceText(o) << ScenariosText(o.cost)
        << LimitsText(o.cost, o.board);
  }
  if (o.size) out << PublishedText(o);
  if (!details) {
    out << "  By arithmetic alone, nothing was measured: --details shows how it adds up\n";
    return;
  }
  out << fmt::format("\nSources\n  {}: {}\n", Printable(o.board.device.name), Printable(o.board.device.source));
  for (const auto& mode : o.board.modes) out << fmt::format("  {}: {}\n", Printable(mode.name), Printable(mode.source));
}

}  // namespace

Action AddPlanDevice(CLI::App& app, Context& context) {
  auto a = std::make_shared<PlanDeviceArguments>();
  a->model.AddTo(app, "A bundle");
  a->device.AddTo(app, true);
  AsSize(app.add_option("--workspace", a->workspace, "Memory in which the builder may try kernels"))
      ->default_str("2GiB");
  app.add_flag("--details", a->details, "Show how memory and time add up, for every precision and way of building");
  app.add_option("--published", a->published,
                 "Also compare with what a published plan expected (examples/mobile_vla/published_plan.json)")
      ->type_name("PLAN.json");
  AddJsonFlag(app, a->json);
  app.footer(
      "Everything it prints is an estimate, from data sheets and shapes; what a board really does, only a board says.\n"
      "Examples:\n"
      "  vlaq plan device policy --device orin-nx-16\n"
      "  vlaq plan device policy --device orin-nx-16 --power 15W --json\n"
      "  vlaq plan device policy --device mine.json --workspace 512MiB");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const cost::CostOptions options, a->model.Options());
    VLAQ_ASSIGN_OR_RETURN(const FitEstimate estimate, cost::EstimateFit({a->model.path, options, a->device.name,
                                                                         a->device.power, a->workspace, a->published}));
    if (a->json) {
      PrintJson(cost::ToJson(estimate), context.out);
    } else {
      Print(estimate, a->details, context.out);
    }
    return {};
  };
}

}  // namespace vlaq::cli
