// `vlaq build --choose`: the INT8 plan, edited by what both engines' layers took.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "cli/build_arguments.h"
#include "engine/choose.h"
#include "passes/graph_names.h"
#include "quantization/plan_file.h"

namespace vlaq::cli {
namespace {

const NamedEngine* Find(const std::vector<NamedEngine>& engines, std::string_view precision, std::string_view graph) {
  const auto found = std::find_if(engines.begin(), engines.end(), [&](const NamedEngine& e) {
    return engine::EnginePrecision(*e.plan.bundle) == precision && e.plan.graph == graph;
  });
  return found == engines.end() ? nullptr : &*found;
}

std::string MillisecondsOrDash(const std::optional<double>& ms) { return ms ? ThreeDigits(*ms) : "-"; }

void Print(const engine::Choice& choice, const std::filesystem::path& output, std::ostream& out) {
  TextTable table({"group", "FP16 ms", "INT8 ms", "now"});
  for (const auto& group : choice.groups) {
    table.AddRow({group.group, MillisecondsOrDash(group.fp16_ms), MillisecondsOrDash(group.int8_ms),
                  group.int8 ? "int8" : "float"});
  }
  const auto kept = std::count_if(choice.groups.begin(), choice.groups.end(), [](const auto& g) { return g.int8; });
  out << "\n" << table.ToString();
  out << fmt::format(
      "\nAll layers: FP16 {} ms ({} reformats), INT8 {} ms ({} reformats). {} of {} groups stay INT8.\n"
      "Written: {}. Next: vlaq quantize BUNDLE --plan {} --stats STATS -o OUT, and vlaq verify OUT --reference "
      "BUNDLE\n",
      ThreeDigits(choice.fp16_ms), choice.fp16_reformats, ThreeDigits(choice.int8_ms), choice.int8_reformats, kept,
      choice.groups.size(), output.string(), output.string());
}

// Two engines of one graph.
struct Compared {
  const NamedEngine *fp16 = nullptr, *int8 = nullptr;
};

// Graphs whose time is worth comparing: the one that makes the actions alone, if there is one, then that of the default
// schedule which multiplies most.
Result<std::vector<std::string>> WorthComparing(const bundle::Bundle& bundle) {
  std::vector<std::string> graphs;
  if (std::string alone = policy::GraphAlone(bundle.policy); !alone.empty()) graphs.push_back(std::move(alone));
  std::string heaviest;
  double most = -1;
  for (const std::string& graph : passes::GraphsOf(bundle.policy.schedules.at(bundle.policy.default_schedule))) {
    VLAQ_ASSIGN_OR_RETURN(const engine::GraphWork work, engine::DescribeWork(bundle, graph));
    double macs = 0;
    for (const auto& op : work.operators) macs += op.macs;
    if (macs <= most) continue;
    most = macs;
    heaviest = graph;
  }
  if (graphs.empty() || graphs.front() != heaviest) graphs.push_back(heaviest);
  return graphs;
}

Result<Compared> FindBoth(const std::vector<NamedEngine>& engines) {
  VLAQ_ASSIGN_OR_RETURN(const auto graphs, WorthComparing(*engines.front().plan.bundle));
  for (const std::string& graph : graphs) {
    const Compared both{Find(engines, "fp16", graph), Find(engines, "int8", graph)};
    if (both.fp16 != nullptr && both.int8 != nullptr) return both;
  }
  return UsageError("--choose compares an FP16 engine with an INT8 one of the graph where the time goes",
                    fmt::format("name a bundle of each precision, and --parts {} if any", fmt::join(graphs, " or ")));
}

Result<quantization::Plan> PlanOf(const NamedEngine& engine) {
  return quantization::ReadPlan(engine.plan.bundle->path / engine.plan.bundle->plan->file);
}

}  // namespace

Status CheckChoice(const BuildArguments& a, const std::vector<NamedEngine>& engines) {
  VLAQ_ASSIGN_OR_RETURN(const Compared both, FindBoth(engines));
  if (a.max_difference > 0 && !MakesActions(*both.int8)) {
    const std::string alone = policy::GraphAlone(both.int8->plan.bundle->policy);
    return UsageError("--max-difference is of the whole policy's actions, and no engine of that is built",
                      alone.empty() ? "leave it out" : fmt::format("build --parts {}, too", alone));
  }
  VLAQ_RETURN_IF_ERROR(PlanOf(*both.int8));
  // Made and dropped: it says whether the folder is there and lets itself be written to.
  VLAQ_RETURN_IF_ERROR(OutputFile::Create(a.plan_output, WhenExisting(a.force)));
  return {};
}

Status ChooseByTime(const BuildArguments& a, const std::vector<NamedEngine>& engines, const engine::Builder& builder,
                    Reference* reference, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const Compared both, FindBoth(engines));
  VLAQ_ASSIGN_OR_RETURN(const quantization::Plan plan, PlanOf(*both.int8));
  engine::ChoiceRules rules;
  rules.least_gain = a.least_gain;
  std::vector<std::string> why = both.fp16->built.not_measured;
  AddNew(both.int8->built.not_measured, why);
  if (!why.empty()) rules.caveat = "not measured on a board";
  if (a.max_difference > 0) {
    if (reference == nullptr) return InternalError("", "--max-difference without a reference was let pass");
    rules.largest_difference = a.max_difference;
    VLAQ_ASSIGN_OR_RETURN(rules.int8_difference, reference->Difference(*both.int8, builder, a.timeout_s, context.log));
  }
  VLAQ_ASSIGN_OR_RETURN(const engine::Choice choice,
                        engine::Choose(plan, both.fp16->built.layers, both.int8->built.layers, rules));
  VLAQ_RETURN_IF_ERROR(WriteFile(a.plan_output, quantization::PlanText(choice.plan), WhenExisting(a.force)));
  Print(choice, a.plan_output, a.json ? context.err : context.out);
  if (!why.empty()) context.log.Warning(fmt::format("the plan's times are not measured: {}", fmt::join(why, "; ")));
  return {};
}

}  // namespace vlaq::cli
