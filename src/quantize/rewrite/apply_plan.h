// A plan carried out on the graphs of a policy: every operator gets the form that the plan gives it, what the plan does
// not name stays as it is (or becomes float16), and the table of new weights says what has to be stored.
//
// In scope: structure. Not aware of: values of weights (quantizing makes them), files. Pure: the same graphs and plan
// give the same result.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"
#include "quantize/numerics/plan.h"
#include "quantize/rewrite/new_weights.h"
#include "quantize/rewrite/operators.h"

namespace vlaq::rewrite {

// Graphs by their names in the policy. External initializers of one name are the same weight in all of them.
using Graphs = std::map<std::string, onnx::Model, std::less<>>;

// The external initializers of `graphs`, which must outlive the result.
Sources SourcesOf(const Graphs& graphs);

struct Rewritten {
  Graphs graphs;  // external initializers have no place in the file yet
  NewWeights weights;
  std::vector<std::string> notes;  // what a reader should know: nodes that had to stay float32, ...
};

// Errors: kInput naming the operator: not in any graph, of another type, a form that does not exist for it, a weight
// wanted in two formats.
Result<Rewritten> ApplyPlan(const Graphs& graphs, const numerics::Plan& plan, const GraphStyle& style);

}  // namespace vlaq::rewrite
