#include "deployment/choose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/output.h"
#include "engine/work.h"
#include "policy/value_shapes.h"
#include "quantize/numerics/plan_file.h"
#include "quantize/rewrite/graph_names.h"

namespace vlaq::deployment {
namespace {

const PlannedEngine* Find(const Engines& engines, std::string_view precision, std::string_view graph) {
  const auto found = std::find_if(engines.begin(), engines.end(), [&](const PlannedEngine& e) {
    return engine::EnginePrecision(*e.plan.bundle) == precision && e.plan.graph == graph;
  });
  return found == engines.end() ? nullptr : &*found;
}

// Two engines of one graph.
struct Compared {
  const PlannedEngine *fp16 = nullptr, *int8 = nullptr;
};

// Graphs whose time is worth comparing: the one that makes the actions alone, if there is one, then that of the default
// schedule which multiplies most.
Result<std::vector<std::string>> WorthComparing(const bundle::Bundle& bundle) {
  std::vector<std::string> graphs;
  if (std::string alone = policy::GraphAlone(bundle.policy); !alone.empty()) graphs.push_back(std::move(alone));
  std::string heaviest;
  double most = -1;
  for (const std::string& graph : rewrite::GraphsOf(bundle.policy.schedules.at(bundle.policy.default_schedule))) {
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

Result<Compared> FindBoth(const Engines& engines) {
  VLAQ_ASSIGN_OR_RETURN(const auto graphs, WorthComparing(*engines.front().plan.bundle));
  for (const std::string& graph : graphs) {
    const Compared both{Find(engines, "fp16", graph), Find(engines, "int8", graph)};
    if (both.fp16 != nullptr && both.int8 != nullptr) return both;
  }
  return UsageError("--choose compares an FP16 engine with an INT8 one of the graph where the time goes",
                    fmt::format("name a bundle of each precision, and --parts {} if any", fmt::join(graphs, " or ")));
}

Result<numerics::Plan> PlanOf(const PlannedEngine& engine) {
  return numerics::ReadPlan(engine.plan.bundle->path / engine.plan.bundle->plan->file);
}

}  // namespace

Status CheckChoice(const ChoiceRequest& request, const Engines& engines, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(const Compared both, FindBoth(engines));
  if (request.largest_difference && !MakesActions(*both.int8)) {
    const std::string alone = policy::GraphAlone(both.int8->plan.bundle->policy);
    return UsageError("--max-difference is of the whole policy's actions, and no engine of that is built",
                      alone.empty() ? "leave it out" : fmt::format("build --parts {}, too", alone));
  }
  VLAQ_RETURN_IF_ERROR(PlanOf(*both.int8));
  // Made and dropped: it says whether the folder is there and lets itself be written to.
  VLAQ_RETURN_IF_ERROR(OutputFile::Create(request.output, existing));
  return {};
}

Result<ChosenPlan> ChooseByTime(const ChoiceRequest& request, const Engines& engines, const engine::Builder& builder,
                                double timeout_s, Existing existing, Reference* reference, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const Compared both, FindBoth(engines));
  VLAQ_ASSIGN_OR_RETURN(const numerics::Plan plan, PlanOf(*both.int8));
  engine::ChoiceRules rules;
  rules.min_gain = request.min_gain;
  ChosenPlan chosen;
  chosen.not_measured = both.fp16->built.not_measured;
  AddNew(both.int8->built.not_measured, chosen.not_measured);
  if (!chosen.not_measured.empty()) rules.caveat = "not measured on a board";
  if (request.largest_difference) {
    if (reference == nullptr) return InternalError("", "a largest difference without a reference was let pass");
    rules.largest_difference = request.largest_difference;
    VLAQ_ASSIGN_OR_RETURN(rules.int8_difference, reference->Difference(*both.int8, builder, timeout_s, log));
  }
  VLAQ_ASSIGN_OR_RETURN(chosen.choice, engine::Choose(plan, both.fp16->built.layers, both.int8->built.layers, rules));
  VLAQ_RETURN_IF_ERROR(WriteFile(request.output, numerics::PlanText(chosen.choice.plan), existing));
  return chosen;
}

}  // namespace vlaq::deployment
