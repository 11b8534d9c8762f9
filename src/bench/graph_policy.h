// A graph that stands alone, as a policy: its inputs are what a step observes, its outputs what comes out. So it runs
// as everything else does.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"
#include "policy/policy.h"

namespace vlaq::bench {

struct GraphPolicy {
  policy::Policy policy;  // one graph, "graph"; one schedule
  // By input, for each axis of its shape: what the graph calls an extent that it leaves open.
  std::map<std::string, std::vector<std::string>> extents;
};

// A graph that takes float32 [batch, window, 3, H, W] alone and gives floats alone is a policy of one camera that sees
// the last `window` frames at every step, or as many as its input says. Any other one observes its inputs. Those whose
// first extent is 1, or open where more follow, have a batch axis there. Errors: kInput for an input that is no tensor
// or of no known shape, or no input at all; those of reading `where`, which stands in messages.
Result<GraphPolicy> PolicyOf(const onnx::Graph& graph, const std::string& where, int64_t window);
Result<GraphPolicy> PolicyOfGraph(const std::filesystem::path& path, int64_t window);

// Whether an input has a batch axis is what a tensor for one step of this shape says, where its rank fits one way only.
void TakeRank(const Shape& step, policy::Input& input);

}  // namespace vlaq::bench
