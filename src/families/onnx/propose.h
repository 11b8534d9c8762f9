// From the inputs and outputs of graphs to a policy: what is observed, what comes out, which graph feeds which, and
// what had to be assumed. In scope: names, types and extents. Not aware of: what the graphs compute.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "families/onnx/weights_file.h"
#include "policy/assumption.h"
#include "policy/policy.h"

namespace vlaq::importing {

struct Proposal {
  policy::Policy policy;
  std::vector<policy::Assumption> assumptions;
};

// The file in the bundle that a source becomes: "encoder.onnx".
std::string GraphFile(const Source& source);

// The rules, in this order:
// - an output with the name of another graph's input is that input; else an input that is no known observation is the
//   only output of equal type and extents, if it is the only such input, which is an assumption;
// - an input and an output of one graph, of equal type and fixed extents and with names that say so (value_kind.cc),
//   are a memory: carried from step to step, zeros at an episode's start;
// - every other input is observed: pictures, numbers, tokens as numbers, noise that is drawn. If all inputs with axes
//   have a first extent of 1 or a free one, that is the batch axis;
// - every output that nothing reads is the policy's: actions by name first, then the last graph's in order.
// Graphs run after those that feed them. Errors: kInput naming graph and value: graphs that wait for each other, inputs
// of one name and different forms, an input that several outputs could feed, graphs without an output left.
Result<Proposal> Propose(std::span<const Source> sources);

// Whether a policy that the user wrote speaks about these graphs: names of graphs and files, and each graph's inputs
// and outputs. Errors: kInput naming `where` and the graph's input or output.
Status CheckFits(const policy::Policy& policy, std::span<const Source> sources, const std::string& where);

}  // namespace vlaq::importing
