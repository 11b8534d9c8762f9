// Model families: what knows how to read one kind of checkpoint and make a policy of it. A family recognizes its
// checkpoints by names and shapes, says what they are, settles what they do not say with the user's settings, builds
// graphs and the policy that runs them, and turns instructions into values. One folder a family; nothing outside of it
// knows its words. In scope: the interface. Not aware of: files other than the checkpoint and what the user names, back
// ends, bundles. Families are stateless, so usable from any thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json_fwd.h"
#include "base/log.h"
#include "base/output.h"
#include "checkpoint/checkpoint.h"
#include "families/stated.h"
#include "families/text_encoder.h"
#include "families/traits.h"
#include "families/weights.h"
#include "onnx/graph.h"
#include "policy/assumption.h"
#include "policy/policy.h"

namespace vlaq::families {

// What `inspect` shows of a checkpoint that was recognized.
struct Part {
  std::string name;
  int64_t tensors = 0;
  int64_t parameters = 0;
  uint64_t bytes = 0;
};
struct Summary {
  std::string family;
  std::string variant;
  std::vector<Part> parts;
  // Facts in the order in which they should be read, for people ("MLP", "3 layers, width 256, ...").
  std::vector<std::pair<std::string, std::string>> facts;
  // The same facts for programs: keys that are merged into inspect's JSON document.
  std::string json;
  // Names that no part accounts for.
  std::vector<std::string> unknown;
};
struct SummaryOrReason {
  std::optional<Summary> summary;
  std::string reason;  // why it is not of this family
};

// A setting that a family reads from policy.json or --set, and what is known of it.
struct SettingInfo {
  std::string_view key;   // "preprocess.resize"
  std::string_view help;  // what it means; empty: not offered on the command line (follows from the checkpoint)
  std::vector<std::string> values;      // "rgb", "bgr"; empty: any of its type
  std::string_view option;              // a spelling of its own from before --set: "--crop"; empty: none
  bool can_hurt = false;                // a wrong guess changes what the robot does without looking wrong
  std::vector<policy::Shown> shown_by;  // what can show it to be right; empty: nothing can
};

// What the user said, as far as the family is concerned. Empty: not said.
struct Settings {
  std::filesystem::path config;            // config.json of the model
  std::filesystem::path policy;            // policy.json
  std::filesystem::path tokenizer;         // its file; copied into the bundle
  std::map<std::string, std::string> set;  // --set: key -> value, as JSON or as a bare word
  // Keys of policy.json for which the user's value, or the default, holds although the checkpoint itself says another.
  std::vector<std::string> overrides;
  std::optional<std::string> task;          // the instruction that graphs without a text input are told
  std::optional<std::vector<int64_t>> ids;  // the same as token ids
};

// Settings made whole, unless something is missing.
struct Proposal {
  std::string settings;   // JSON text: policy.settings
  std::string config;     // JSON text: the model's own configuration; may be empty
  policy::Policy policy;  // what will run, but for the files of its graphs and what can be compared
  std::vector<policy::Assumption> assumptions;
  std::vector<std::string> warnings;
  std::vector<Stated> stated;  // what the checkpoint says of itself, and was heeded
  // What must be given before graphs can be built; one error for each, with what to give. Then all above is unfinished.
  std::vector<Error> missing;
};

struct BuildOptions {
  StoredPrecision precision = StoredPrecision::kFp32;
  bool bake_text = false;      // every graph is told the instruction of the settings; the policy then has no text input
  std::string tokenizer = {};  // name of its file in the bundle; empty: none
};

struct BuiltGraph {
  std::string name;  // in the policy
  std::string file;  // in the bundle
  std::string what;  // for people: "one frame: image [batch, 3, 224, 224] -> features [batch, 2048]"
  onnx::Model model;
};
struct PolicyGraphs {
  policy::Policy policy;  // valid, but for the files of its graphs
  std::vector<BuiltGraph> graphs;
  std::vector<PlacedWeight> weights;  // of the shared weights file, in file order
  // Results on the way, for comparing with a reference: stage -> value name in a graph.
  std::map<std::string, std::string> stages;
  // Tensors of the checkpoint that are not in the graphs -> why not.
  std::map<std::string, std::string> left_out;

  const BuiltGraph* Find(std::string_view name) const;
};

// A manifest from before policies were data ("vlaq.bundle/1").
struct OldManifest {
  const Json& json;                           // its settings stand at the top
  std::map<std::string, std::string> graphs;  // name -> file
  std::map<std::string, std::string> stages;
  std::string tokenizer;  // file; empty: none
};

// Settings of a policy.json read over others.
struct SettingsFile {
  std::string given;    // JSON text: what the file itself says
  std::string settled;  // JSON text: all settings, the file's over the defaults
};

struct SyntheticOptions {
  std::string size = "micro";  // "micro": seconds and megabytes; "full": the extents of the real one
  uint64_t seed = 0;
  bool plain = false;  // only tensors, nothing that a trainer keeps beside them
  Existing existing = Existing::kRefuse;
};

class Family {
 public:
  virtual ~Family() = default;
  virtual std::string_view name() const = 0;
  // One line for people.
  virtual std::string_view description() const = 0;
  // In the order of policy.json.
  virtual const std::vector<SettingInfo>& settings() const = 0;

  virtual Result<SummaryOrReason> Recognize(const checkpoint::Checkpoint& checkpoint) const = 0;
  // Errors: kInput if files contradict the checkpoint, or options and files what it says of itself (the error names
  // both values); kUsage for settings that do not go together. What cannot be derived is in Proposal::missing.
  virtual Result<Proposal> Settle(const checkpoint::Checkpoint& checkpoint, const Settings& settings,
                                  Log& log) const = 0;
  // `settings` and `config` as in a Proposal that misses nothing. Deterministic. Errors: kInput if they do not fit the
  // checkpoint or if it holds tensors that the graphs could not honor.
  virtual Result<PolicyGraphs> Build(const checkpoint::Checkpoint& checkpoint, const std::string& settings,
                                     const std::string& config, const BuildOptions& options) const = 0;
  // Whether a policy that was read is one that its settings mean. Errors: kInput naming `where` and the key. By itself
  // all are.
  virtual Status Check(const policy::Policy& policy, const std::string& where) const;

  // The settings in a policy.json, whoever wrote it, over `defaults` (JSON text). Errors: kInput naming file and key.
  // By itself: the members of "settings", or of the file.
  virtual Result<SettingsFile> ReadSettings(const std::filesystem::path& file, const std::string& defaults) const;
  // What the checkpoint says of its own policy.
  virtual StatedSettings ReadStated(const checkpoint::Checkpoint& checkpoint) const;

  // For the text input `input` of `policy`. `tokenizer`: empty: there is none. Errors: kInput if it encodes no text.
  virtual Result<std::unique_ptr<TextEncoder>> OpenTextEncoder(const policy::Policy& policy, const policy::Input& input,
                                                               const std::filesystem::path& tokenizer) const;
  // What golden data of such a policy hold a row of for each step, by the names that they have there: results on the
  // way, and what goes between its graphs and comes out. Of what its settings mean, told an instruction or with one
  // that is baked in: a value that policy.json then does not name fails `verify`. Errors: kInput for settings that
  // cannot be read. By itself: none is known.
  virtual Result<std::vector<std::string>> GoldenStages(const policy::Policy& policy) const;
  // How its instructions and actions may be looked at beyond policy.json.
  virtual const Traits& traits() const;
  // The script in python/ that computes golden data from a checkpoint with the training side's own library; empty:
  // none.
  virtual std::string_view golden_script() const { return ""; }
  // What a bundle of that time means. Errors: kInput naming `where` and the key; families newer than that have none.
  virtual Result<policy::Policy> FromOldManifest(const OldManifest& manifest, const std::string& where) const;
  // Sizes that Synthesize knows; empty: none.
  virtual std::vector<std::string> synthetic_sizes() const { return {}; }
  // A checkpoint with random weights and a true structure, and beside it what it does not say. The names of the files
  // beside it. Errors: kUsage if the file exists and may not be replaced, or the size is not known; kInput.
  virtual Result<std::vector<std::string>> Synthesize(const std::filesystem::path& path,
                                                      const SyntheticOptions& options, Log& log) const;
};

// What a text input is that nobody can encode. Errors only: kInput.
Error NoTextEncoder(const policy::Input& input, std::string_view family, const std::string& where);
// --set as a JSON object; dotted keys become members. A value is JSON, or else a word.
Result<Json> FromCommandLine(const std::map<std::string, std::string>& set);

// ---- of all families of this program (all/registry) ----

std::span<const Family* const> All();
// Null if it is not known.
const Family* FindOrNull(std::string_view name);
// Errors: kInput listing the known names.
Result<const Family*> Find(std::string_view name);
// Opens the checkpoint at `path`: a file, or a folder in which one file is of a known family. Errors: as
// Checkpoint::Open; kInput if several are, naming them.
Result<std::shared_ptr<const checkpoint::Checkpoint>> OpenCheckpoint(const std::filesystem::path& path,
                                                                     const checkpoint::OpenOptions& options = {});
// The family of a checkpoint. Errors: kInput saying for each known one why it is not that.
Result<const Family*> Recognize(const checkpoint::Checkpoint& checkpoint);
// True if a wrong guess of `setting` changes what the robot does without looking wrong.
bool CanHurt(std::string_view family, std::string_view setting);

}  // namespace vlaq::families
