// How large the inputs of a policy's graphs are where the graphs leave it open.
#pragma once

#include <optional>
#include <string_view>

#include "bundle/bundle.h"
#include "onnx/shapes.h"
#include "policy/value_shapes.h"

namespace vlaq::cost {

// Numbers for the extents that the graphs of a policy leave open, as far as the policy says them: batch 1, shapes of
// its inputs, what its schedules make of them, and the length of the instruction that the bundle was made with. For
// each graph.
class PolicyExtents {
 public:
  // `window`: the length of every window, in place of the policy's.
  explicit PolicyExtents(const bundle::Bundle& bundle, std::optional<int64_t> window = std::nullopt);
  // The extents of the graph's inputs, by "x:0".
  onnx::Extents Of(std::string_view graph) const;
  // The shapes of a graph that was followed, for those that run after it.
  void Learn(std::string_view graph, const onnx::ValueShapes& shapes);
  // Tokens of the instruction; nullopt if there is none.
  std::optional<int64_t> tokens() const { return tokens_; }

 private:
  policy::ValueShapes shapes_;
  std::optional<int64_t> tokens_;
};

}  // namespace vlaq::cost
