// Which values of a graph a calibration watches. Not aware of: running it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"
#include "quantize/calibrate/running_stats.h"

namespace vlaq::calibrate {

struct ObservedValue {
  std::string name;
  Detail detail = Detail::kRange;
  bool is_input = false;     // of the graph
  bool has_padding = false;  // follows from an instruction, so its rows may stand for padding
};

// What the weights of operators multiply (onnx/operator_catalog.h), closely; and the results of
// LayerNormalization, Softmax and residual additions, by their range. float32 only (values of types that are not known
// are left out), in graph order, each once. `text_inputs`: those of the graph that an instruction comes in by.
Result<std::vector<ObservedValue>> ObservedValues(const onnx::Graph& graph,
                                                  const std::set<std::string>& text_inputs = {});

// The mask of an instruction that the graph was told when it was made; empty: there is none.
std::vector<int64_t> BakedMask(const onnx::Graph& graph);

}  // namespace vlaq::calibrate
