// Models and bundles looked at by the rules of a TensorRT version. In scope: which rules are asked of what. Not aware
// of: what the rules say (rules_*.cc), printing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "check/rule.h"
#include "onnx/graph.h"
#include "onnx/model_file.h"

namespace vlaq::check {

// What breaks which rule, errors first, then in the order of rules and nodes. `name` is what findings call the graph.
// Errors: kInput for a weight that a rule asks for and that cannot be read.
Result<std::vector<Finding>> CheckModel(const onnx::Model& model, onnx::WeightFiles& files, const Version& version,
                                        const std::string& name);

// Those of the rules that apply to a version.
std::vector<const Check*> ChecksFor(const Version& version);

// A graph's place: in a bundle its role, else the file's name.
struct GraphFile {
  std::string name;
  std::filesystem::path path;
};
// The graphs of a bundle, or the file itself. Errors: kInput.
Result<std::vector<GraphFile>> GraphsOf(const std::filesystem::path& path);

// The TensorRT version that a bundle was quantized for, as its name; "" for other bundles and files.
// Errors: kInput for a bundle that cannot be read.
Result<std::string> VersionOfBundle(const std::filesystem::path& path);

struct Report {
  const Version* version = nullptr;
  bool own = false;  // a bundle, in which some findings are by design
  struct Graph {
    std::string name;
    uint64_t bytes = 0;
    int64_t nodes = 0;  // without subgraphs
  };
  std::vector<Graph> graphs;
  size_t rules = 0;  // looked at
  std::vector<Finding> findings;

  size_t Count(Severity severity) const;
};

// Errors: kInput for what is no bundle and no ONNX file, and for missing external data.
Result<Report> CheckPath(const std::filesystem::path& path, const Version& version);

}  // namespace vlaq::check
