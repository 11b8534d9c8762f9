// Model families. An Architecture recognises its checkpoints by names and shapes, says what they are, settles the
// policy spec with the user's settings, and builds the graphs of the bundle. In scope: tensor names -> graphs. Not
// aware of: files on disk other than the checkpoint, back ends, tokenisers. Stateless, so usable from any thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "architecture/stated.h"
#include "architecture/weights.h"
#include "base/json_fwd.h"
#include "checkpoint/checkpoint.h"
#include "onnx/graph.h"
#include "policy/assumption.h"
#include "policy/policy_spec.h"

namespace vlaq::architecture {

// What `inspect` shows of a checkpoint that was recognised.
struct Part {
  std::string name;
  int64_t tensors = 0;
  int64_t parameters = 0;
  uint64_t bytes = 0;
};
struct Summary {
  std::string architecture;
  std::string variant;
  std::vector<Part> parts;
  // Facts in the order in which they should be read, for people ("LSTM", "4 layers, input 2048, ...").
  std::vector<std::pair<std::string, std::string>> facts;
  // The same facts for programs: keys that are merged into inspect's JSON document.
  std::string json;
  // Names that no part accounts for.
  std::vector<std::string> unknown;
};
struct SummaryOrReason {
  std::optional<Summary> summary;
  std::string reason;  // why it is not of this architecture
};

// What the user said, as far as the architecture is concerned. Empty: not said.
struct Settings {
  std::filesystem::path config;  // config.json of the model family
  std::filesystem::path policy;  // policy.json
  std::optional<policy::FeatureSource> feature_source;
  std::optional<policy::PromptLayout> prompt_layout;
  // Keys of policy.json for which the user's value, or the default, holds although the checkpoint itself says another.
  std::vector<std::string> overrides = {};
};

// Settings made whole, unless something is missing. The prompt may still be empty: who has a tokeniser fills it in
// (export).
struct Proposal {
  policy::PolicySpec spec;
  std::string config;  // JSON text, the family's own configuration
  std::vector<policy::Assumption> assumptions;
  std::vector<std::string> warnings;
  std::vector<Stated> stated;  // what the checkpoint says of itself, and was heeded
  // What must be given before graphs can be built; one error for each, with what to give.
  std::vector<Error> missing;
};

struct BuildOptions {
  StoredPrecision precision = StoredPrecision::kFp32;
  bool bake_prompt = false;  // into the encoder; the whole-policy graph always has it baked in
};

struct PolicyGraphs {
  onnx::Model whole;  // pixel_values [batch, window, C, S, S] -> actions [batch, chunk, action_dim]
  onnx::Model
      encoder;  // pixel_values [batch, C, S, S] (+ input_ids, attention_mask [batch, tokens]) -> feature [batch, D]
  onnx::Model head;                   // features [batch, window, D] -> actions [batch, chunk, action_dim]
  std::vector<PlacedWeight> weights;  // of the shared weights file, in file order
  // Results between the parts, for comparing with a reference: stage ("text_last_hidden") -> value name in `encoder`.
  std::map<std::string, std::string> stages;
  // Tensors of the checkpoint that are not in the graphs -> why not.
  std::map<std::string, std::string> left_out;
};

class Architecture {
 public:
  virtual ~Architecture() = default;
  virtual std::string_view name() const = 0;

  virtual Result<SummaryOrReason> Summarise(const checkpoint::Checkpoint& checkpoint) const = 0;
  // Errors: kInput if files contradict the checkpoint, or options and files what it says of itself (the error names
  // both values); kUsage for settings that do not go together. What cannot be derived is in Proposal::missing.
  virtual Result<Proposal> Propose(const checkpoint::Checkpoint& checkpoint, const Settings& settings) const = 0;
  // `spec` and `config` as in a Proposal whose prompt has been filled in. Deterministic. Errors: kInput if they do not
  // fit the checkpoint or if it holds tensors that the graphs could not honour.
  virtual Result<PolicyGraphs> Build(const checkpoint::Checkpoint& checkpoint, const policy::PolicySpec& spec,
                                     const std::string& config, const BuildOptions& options) const = 0;
};

// All architectures that this program knows.
std::span<const Architecture* const> All();
// Errors: kInput listing the known names.
Result<const Architecture*> Find(std::string_view name);
// Opens the checkpoint at `path`: a file, or a folder in which one file is of a known architecture. Errors: as
// Checkpoint::Open; kInput if several are, naming them.
Result<std::shared_ptr<const checkpoint::Checkpoint>> OpenCheckpoint(const std::filesystem::path& path,
                                                                     const checkpoint::OpenOptions& options = {});
// The architecture of a checkpoint. Errors: kInput saying for each known one why it is not that.
Result<const Architecture*> Recognise(const checkpoint::Checkpoint& checkpoint);

}  // namespace vlaq::architecture
