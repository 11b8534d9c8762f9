// Checkpoint -> bundle: settles the settings, builds the graphs, streams the weights, writes everything at once. In
// scope: the order of these steps and what is recorded. Not aware of: how graphs are built (families), the bundle's
// layout (bundle), the command line.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/output.h"
#include "bundle/bundle.h"
#include "families/family.h"

namespace vlaq::exporting {

struct ExportOptions {
  std::filesystem::path checkpoint;  // a file, or a folder that holds one
  std::string state_dict;            // the key of the state dict to take; empty: the well-known one
  std::filesystem::path output;
  Existing existing = Existing::kRefuse;
  families::Settings settings;
  families::BuildOptions build;
};

// What is worked out before anything is built.
struct Settled {
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
  const families::Family* family = nullptr;
  families::Proposal proposal;      // that misses nothing
  std::filesystem::path tokenizer;  // empty if there is none
  bundle::Provenance provenance;    // without what the graphs' making adds
};

// Takes config.json, policy.json and sentencepiece.bpe.model from beside the checkpoint where none is given. `options`:
// its output and build are not looked at. Errors: as Checkpoint::Open and Family::Settle; kUsage, one that names
// all that is not known; kInput if the tokenizer is not the checkpoint's.
Result<Settled> Settle(const ExportOptions& options, Log& log);

// How the checkpoint's tensors became weights of the bundle.
struct TensorAccount {
  int64_t tensors = 0;   // of the checkpoint
  int64_t weights = 0;   // initializers in the shared file
  int64_t joined = 0;    // tensors that went into a weight with another one: both biases of an LSTM's layer
  int64_t shared = 0;    // tensors with the values of another one, which are stored once
  int64_t left_out = 0;  // tensors in no graph
  int64_t computed = 0;  // weights made from no tensor: position tables
  // "117 tensors -> 114 weights: 2 joined with another, 3 left out, 1 computed"
  std::string ToString() const;
};

struct ExportReport {
  bundle::Bundle bundle;                    // its path is the output
  std::map<std::string, std::string> what;  // graph -> what it is, for people
  std::filesystem::path checkpoint;         // the file that was taken
  std::vector<std::string> found;           // names of the files that lay beside it
  std::vector<std::string> stated;          // "action_scale 0.6 (args.action_scale)"
  std::vector<std::string> warnings;
  TensorAccount account;
  uint64_t bytes = 0;  // of the whole bundle
  double seconds = 0;
};

// Errors: as Settle and Family::Build; kUsage if the output exists. Nothing is left behind on an error.
Result<ExportReport> Export(const ExportOptions& options, Log& log);

}  // namespace vlaq::exporting
