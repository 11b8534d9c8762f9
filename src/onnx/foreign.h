// Model files that others made, with what ReadModel does not take: functions of the model's own, and nodes in any
// order. In scope: making a plain, sorted graph of them. Not aware of: cleaning beyond that (families/onnx).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

struct ForeignModel {
  Model model;                         // without functions
  std::vector<std::string> functions;  // those that were called, "my.ops::Dense", each once
  size_t calls = 0;                    // nodes that were replaced by a function's nodes
  bool sorted = false;                 // the nodes did not stand in an order in which they can run
};

// As ReadModel, after the model's own functions are put in the place of their calls (nested ones too, their attributes
// filled in, their inner names made unique as "CALL/NAME") and nodes are put in order. Errors: as ReadModel; kInput for
// a function that calls itself, that is made for another opset whose operators differ, or whose calls would make
// more than 500,000 nodes or 2 GB.
Result<ForeignModel> ReadForeignModel(const std::filesystem::path& path);

}  // namespace vlaq::onnx
