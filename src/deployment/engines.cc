#include "deployment/engines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "policy/value_shapes.h"
#include "quantize/rewrite/graph_names.h"
#include "runtime/text_encoder.h"

namespace vlaq::deployment {
namespace {

// How much longer the values of an instruction may become than those of the one that the bundle was made with.
constexpr int64_t kLongerInstruction = 32;

Result<std::vector<std::string>> GraphsOf(const bundle::Bundle& bundle, const std::vector<std::string>& wanted) {
  std::vector<std::string> all = rewrite::GraphsInOrder(bundle.policy);
  for (const std::string& graph : wanted) {
    if (std::ranges::find(all, graph) != all.end()) continue;
    return UsageError(fmt::format("{} has no graph '{}'", bundle.path.string(), graph),
                      fmt::format("there are: {}", fmt::join(all, ", ")));
  }
  if (!wanted.empty()) {
    std::erase_if(all,
                  [&wanted](const std::string& graph) { return std::ranges::find(wanted, graph) == wanted.end(); });
  }
  return all;
}

// At least the values of an instruction of one letter, where there is a tokenizer; as a rule those of the instruction
// that the bundle was made with.
Result<engine::TextExtents> TextExtentsOf(const bundle::Bundle& bundle) {
  VLAQ_ASSIGN_OR_RETURN(const auto encoder, runtime::OpenTextEncoder(bundle, {}));
  engine::TextExtents extents;
  if (encoder == nullptr) return extents;
  const auto shortest =
      encoder->can_encode() ? encoder->Encode("a") : Result<runtime::EncodedTask>(encoder->Exported());
  for (const auto& [name, value] : encoder->Exported().values) {
    engine::TextExtent extent{value.shape(), value.shape(), value.shape()};
    if (shortest.ok()) {
      const auto least = shortest->values.find(name);
      const bool fits = least != shortest->values.end() && least->second.rank() == value.rank();
      for (size_t i = 0; fits && i < extent.min.size(); ++i) {
        extent.min[i] = std::min(extent.min[i], least->second.shape()[i]);
      }
    }
    for (int64_t& largest : extent.max) largest += kLongerInstruction;
    extents.emplace(name, std::move(extent));
  }
  return extents;
}

}  // namespace

Result<std::vector<bundle::Bundle>> OpenBundles(const std::vector<std::string>& paths,
                                                const std::vector<std::string>& precisions) {
  std::vector<bundle::Bundle> all;
  for (const std::string& path : paths) {
    VLAQ_ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::Open(path));
    if (engine::EnginePrecision(bundle).empty()) {
      return InputError(
          path, fmt::format("is a {} bundle; engines are made of fp16, int8, int4 and mixed ones", bundle.precision),
          fmt::format("vlaq quantize BUNDLE --target {} --precision int8 -o OUT",
                      bundle.target.empty() ? "tensorrt-8.6" : bundle.target));
    }
    all.push_back(std::move(bundle));
  }
  std::vector<std::string> wanted = precisions;
  if (wanted.empty()) {
    for (const auto& bundle : all) wanted.emplace_back(engine::EnginePrecision(bundle));
  }
  std::vector<bundle::Bundle> chosen;
  for (const std::string& precision : wanted) {
    const auto has = [&](const bundle::Bundle& b) { return engine::EnginePrecision(b) == precision; };
    const auto count = std::ranges::count_if(all, has);
    if (count == 1) {
      chosen.push_back(*std::ranges::find_if(all, has));
      continue;
    }
    return UsageError(fmt::format("{} bundles are for an engine of {}", count == 0 ? "no" : "several", precision),
                      "name one bundle for each: vlaq build FP16_BUNDLE INT8_BUNDLE");
  }
  return chosen;
}

Result<Engines> PlanEngines(const std::vector<bundle::Bundle>& bundles, const std::vector<std::string>& graphs,
                            const engine::Version& version, const std::string& tool_sha256,
                            const engine::BuildOptionsOfUser& options) {
  Engines engines;
  for (const bundle::Bundle& bundle : bundles) {
    VLAQ_ASSIGN_OR_RETURN(const std::vector<std::string> of_bundle, GraphsOf(bundle, graphs));
    engine::BuildOptionsOfUser with_text = options;
    VLAQ_ASSIGN_OR_RETURN(with_text.text, TextExtentsOf(bundle));
    for (const std::string& graph : of_bundle) {
      VLAQ_ASSIGN_OR_RETURN(engine::EnginePlan plan,
                            engine::PlanEngine(bundle, graph, version, tool_sha256, with_text));
      engines.push_back({std::move(plan), {}});
    }
  }
  return engines;
}

Result<Commands> CommandsFor(const std::vector<bundle::Bundle>& bundles, const std::vector<std::string>& graphs,
                             const std::string& tensorrt, const engine::BuildOptionsOfUser& options) {
  Commands commands;
  commands.version = engine::VersionOfTarget(bundles.front().target).value_or(engine::Version{});
  if (!tensorrt.empty()) {
    VLAQ_ASSIGN_OR_RETURN(commands.version, engine::ParseVersion(tensorrt));
  }
  engine::BuildOptionsOfUser over_any = options;
  over_any.existing = Existing::kReplace;
  VLAQ_ASSIGN_OR_RETURN(const Engines engines, PlanEngines(bundles, graphs, commands.version, "", over_any));
  for (const PlannedEngine& e : engines) {
    engine::InspectRequest inspect;
    inspect.engine = e.plan.request.engine;
    inspect.layers = inspect.engine + ".layers.json";
    inspect.profile = inspect.engine + ".profile.json";
    inspect.inputs = e.plan.work.inputs;
    VLAQ_ASSIGN_OR_RETURN(auto build, engine::BuildArguments(commands.version, e.plan.request));
    commands.engines.push_back({e.plan.file, std::move(build), engine::InspectArguments(commands.version, inspect)});
  }
  return commands;
}

bool MakesActions(const PlannedEngine& engine) {
  return engine.plan.graph == policy::GraphAlone(engine.plan.bundle->policy);
}

std::string ResultName(const PlannedEngine& engine) {
  std::string name(engine::EnginePrecision(*engine.plan.bundle));
  if (!MakesActions(engine)) name += fmt::format("_{}", engine.plan.graph);
  return name;
}

void AddNew(const std::vector<std::string>& reasons, std::vector<std::string>& all) {
  for (const std::string& reason : reasons) {
    if (std::ranges::find(all, reason) == all.end()) all.push_back(reason);
  }
}

}  // namespace vlaq::deployment
