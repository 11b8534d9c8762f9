// Which engines a robot needs: one for each graph of each bundle. In scope: the bundles by their precision, the graphs,
// how long an instruction's values may become, what an engine is called among the others. Not aware of: running
// trtexec.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "bundle/bundle.h"
#include "engine/build.h"
#include "engine/version.h"

namespace vlaq::deployment {

// One engine, planned and then built. `plan` points into the bundle that it was planned of.
struct PlannedEngine {
  engine::EnginePlan plan;
  engine::BuiltEngine built;
};
using Engines = std::vector<PlannedEngine>;

// Opens one bundle for each of `precisions` ("fp16", "int8", "int4"), in that order; without any, each bundle as given.
// Errors: kInput for one that engines are not made of; kUsage if a precision has no bundle or several.
Result<std::vector<bundle::Bundle>> OpenBundles(const std::vector<std::string>& paths,
                                                const std::vector<std::string>& precisions);

// An engine for each graph of each bundle, or for those named in `graphs`. The bundles must outlive them. Errors:
// kUsage for a graph that a bundle does not have; those of engine::PlanEngine.
Result<Engines> PlanEngines(const std::vector<bundle::Bundle>& bundles, const std::vector<std::string>& graphs,
                            const engine::Version& version, const std::string& tool_sha256,
                            const engine::BuildOptionsOfUser& options);

// What builds an engine and what checks it, each as the arguments of trtexec.
struct EngineCommands {
  std::filesystem::path file;
  std::vector<std::string> build, check;
};
struct Commands {
  engine::Version version;
  std::vector<EngineCommands> engines;
};
// What would be run, on whatever machine. `tensorrt`: "8.6", or empty for the bundles' own target. Errors: kInput;
// kUsage as above.
Result<Commands> CommandsFor(const std::vector<bundle::Bundle>& bundles, const std::vector<std::string>& graphs,
                             const std::string& tensorrt, const engine::BuildOptionsOfUser& options);

// Whether it makes the policy's actions by itself, as a schedule that runs nothing else has it.
bool MakesActions(const PlannedEngine& engine);
// "fp16", "int8_GRAPH": what results call it; without a graph where it makes the actions alone.
std::string ResultName(const PlannedEngine& engine);

// Adds what `all` does not say yet: reasons of several engines as one list.
void AddNew(const std::vector<std::string>& reasons, std::vector<std::string>& all);

}  // namespace vlaq::deployment
