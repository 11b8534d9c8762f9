// The weights of all graphs of an import in one file. Private to this module.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/log.h"
#include "bundle/bundle.h"
#include "families/onnx/normalize.h"

namespace vlaq::importing {

// A file that becomes a graph of the bundle.
struct Source {
  std::string graph;           // its name in the policy: the file's stem
  std::filesystem::path file;  // as it was given
  CleanModel clean;
};

struct StoredWeights {
  bundle::FileRecord file;
  std::vector<bundle::WeightRecord> records;  // transform "copy", sources "FILE.onnx:NAME"
  size_t initializers = 0;                    // of all graphs
  size_t in_graphs = 0;                       // small constants that stay in their graph
  size_t shared = 0;                          // that are stored with an equal one
};

// Writes every weight to `path` at a multiple of 64 bytes, and lets the graphs' initializers refer to it. What shapes
// are computed from stays in the graph: single numbers, integers and booleans of at most 1024 bytes, what Resize reads.
// Equal weights of at least 1024 bytes are stored once, under the first one's name; smaller ones, biases of zeros for
// instance, are equal by chance, and may be changed apart later. One name is one weight in all graphs: another weight
// of a name that is taken is called GRAPH/NAME. Memory: one weight. Errors: kInput naming file and initializer.
Result<StoredWeights> StoreWeights(std::vector<Source>& sources, const std::filesystem::path& path, Log& log);

}  // namespace vlaq::importing
