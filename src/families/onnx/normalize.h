// A model file as others make it -> a plain one as the rest of vlaq knows them: weights are initializers of the main
// graph, nodes have names of their own, nothing of the author's machine is in it, and what no back end would take is
// refused by name. In scope: what a graph says. Not aware of: what its inputs mean (propose.h), where weights will lie
// (weights_file.h). What the graph computes stays as it was, opset included.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/foreign.h"

namespace vlaq::importing {

// What was done, for people and for JSON.
struct Cleaning {
  std::string producer;                    // what made the file: "pytorch 2.11.0"
  int64_t opset = 0;                       // of ai.onnx; 0: the file imports none
  std::vector<std::string> functions;      // its own, put in the place of their calls
  std::vector<std::string> former_inputs;  // that had a weight
  std::vector<std::string> unused;         // initializers that nothing read
  size_t constants = 0;                    // Constant nodes that became weights
  size_t brought_out = 0;                  // weights out of subgraphs
  size_t aliases = 0;                      // Identities of weights
  size_t named_nodes = 0;                  // without a name of their own
  bool sorted = false;                     // nodes were put in order

  // "3 constants became weights", one line each; nothing for what was not needed.
  std::vector<std::string> Lines() const;
};

struct CleanModel {
  onnx::Model model;  // external weights still lie where the file says
  Cleaning cleaning;
  std::map<std::string, std::string> origins;  // initializer -> its name in the file, where it got another
};

// Errors: kInput naming the node or value: an operator of a domain that is neither ai.onnx, ai.onnx.ml nor
// com.microsoft, or that its opset does not have; element types that an operator does not take; inputs and outputs that
// are no tensors; a value of a subgraph with the name of one outside.
Result<CleanModel> Normalize(onnx::ForeignModel foreign);

// Reads the file and cleans it. Errors: as onnx::ReadForeignModel and above, with the file's name.
Result<CleanModel> ReadClean(const std::filesystem::path& path);

}  // namespace vlaq::importing
