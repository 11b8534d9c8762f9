// A policy played through a schedule, and what is seen of it: the one way in which checks run policies, whoever made
// them. Not aware of: what its numbers are held against.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "runtime/executor.h"
#include "verify/rows.h"
#include "verify/step_inputs.h"

namespace vlaq::verify {

// A value to be seen beside the outputs.
struct WatchedValue {
  std::string seen_as;                                          // as the executor's probe says it
  std::string graph = {}, value = {};                           // within a graph, which is asked for it; else empty
  size_t most_steps = std::numeric_limits<std::size_t>::max();  // kept of the first so many
};

struct PlayOptions {
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open = {};
  std::string schedule = {};  // empty: the default one
  std::vector<WatchedValue> watched = {};
  // Steps whose outputs are wanted: the others are gone over for what they leave behind. Empty: all.
  std::set<size_t> only = {};
  runtime::GraphOpener graphs = {};  // in place of the bundle's own
};

struct Played {
  Rows outputs;                  // of the wanted steps, as graphs give them, without batch axis
  Rows seen;                     // what was watched, by seen_as, batch axis included; of the step that failed, too
  std::optional<Error> stopped;  // by what the policy or the back end said of a step or of the graphs
  bool opened = true;            // else it is what was said when the graphs were opened
};

// From the beginning of the first episode. What the policy makes of the inputs is data. Errors: those of `inputs.read`;
// kInput if the bundle's own instruction cannot be read.
Result<Played> Play(const bundle::Bundle& bundle, const StepInputs& inputs, const PlayOptions& options, Log& log);

// What each graph of the schedule reads in the first step, by graph. Errors: as Play; what stopped it.
using GraphInputs = std::map<std::string, backend::NamedTensors, std::less<>>;
Result<GraphInputs> ReadByGraphs(const bundle::Bundle& bundle, const StepInputs& inputs, PlayOptions options, Log& log);

}  // namespace vlaq::verify
