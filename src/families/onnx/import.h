// ONNX files -> bundle: reads and cleans the graphs, proposes the policy or takes the user's, stores the weights once
// and writes everything at once. In scope: the order of these steps and what is recorded. Not aware of: the command
// line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/output.h"
#include "bundle/bundle.h"
#include "families/onnx/normalize.h"
#include "families/onnx/propose.h"
#include "policy/policy.h"

namespace vlaq::importing {

struct ImportOptions {
  std::vector<std::filesystem::path> files;  // .onnx, at least one; each becomes a graph with the name of its stem
  std::optional<policy::Policy> policy;      // the user's; without one it is proposed
  std::string policy_name;                   // where the user's stands, for errors and the record: "policy.json"
  std::filesystem::path output;
  Existing existing = Existing::kRefuse;
};

struct ImportedGraph {
  std::string name;
  std::filesystem::path source;
  bundle::FileRecord file;  // in the bundle
  Cleaning cleaning;
};

struct ImportReport {
  bundle::Bundle bundle;  // its path is the output
  policy::Policy policy;
  std::vector<policy::Assumption> assumptions;  // none where the policy is the user's
  std::vector<ImportedGraph> graphs;            // as the files were given
  size_t weights = 0;                           // stored
  size_t initializers = 0;                      // of the graphs, before equal ones were joined
  size_t in_graphs = 0;                         // of those, small constants that stay in their graph
  size_t shared = 0;                            // of those, stored with an equal one
  uint64_t bytes = 0;                           // of the bundle's graphs and weights
  double seconds = 0;
};

// Reads and cleans the files. Errors: kUsage for none, or two of one name; as ReadClean.
Result<std::vector<Source>> ReadSources(const std::vector<std::filesystem::path>& files);

// The policy that an import of these files would propose; writes nothing. Errors: as ReadSources and Propose.
Result<Proposal> ProposeFor(const std::vector<std::filesystem::path>& files);

// Errors: as ReadSources, Propose or CheckFits, StoreWeights; kUsage if the output exists. Nothing is left behind on an
// error.
Result<ImportReport> Import(const ImportOptions& options, Log& log);

}  // namespace vlaq::importing
