// Checkpoint -> bundle: settles the settings, builds the graphs, streams the weights, writes everything at once. In
// scope: the order of these steps and what is recorded. Not aware of: how graphs are built (architecture), the bundle's
// layout (bundle), the command line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "architecture/architecture.h"
#include "base/log.h"
#include "base/output.h"
#include "bundle/bundle.h"
#include "prompt/prompt.h"

namespace vlaq::exporting {

// Where the prompt comes from; at most one of ids and instruction.
struct PromptRequest {
  std::optional<std::vector<int64_t>> ids;  // as the encoder takes them
  std::optional<std::string> instruction;   // needs a tokeniser
  std::filesystem::path tokenizer;          // sentencepiece.bpe.model; copied into the bundle
};

struct ExportOptions {
  std::filesystem::path checkpoint;
  std::filesystem::path output;
  Existing existing = Existing::kRefuse;
  architecture::Settings settings;
  architecture::BuildOptions build;
  PromptRequest prompt;
};

struct ExportReport {
  bundle::Bundle bundle;  // its path is the output
  std::vector<std::string> warnings;
  int64_t checkpoint_tensors = 0;
  int64_t weights = 0;  // initializers in the shared file
  uint64_t bytes = 0;   // of the whole bundle
  double seconds = 0;
};

// Errors: as Checkpoint::Open, Architecture::Propose and Build; kUsage if the output exists. Nothing is left behind on
// an error.
Result<ExportReport> Export(const ExportOptions& options, Log& log);

}  // namespace vlaq::exporting
