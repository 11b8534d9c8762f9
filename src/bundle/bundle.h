// The folder that a policy lives in, ready to run (docs: bundle.md). The only module that knows its layout:
//   policy.json   the policy as data, files with their SHA-256, provenance
//   weights.json  one record per weight: where it lies, what it was made from, its checksum
//   plan.json     of a quantized bundle: which tensor got which format, and why
//   *.onnx        the graphs; weights.bin the bytes they share; sentencepiece.bpe.model the tokenizer, if one was given
// In scope: layout, reading, checking, writing at once. Not aware of: how graphs are built or run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/output.h"
#include "base/status.h"
#include "policy/assumption.h"
#include "policy/policy.h"
#include "tensor/tensor.h"

namespace vlaq::bundle {

inline constexpr std::string_view kPolicyFile = "policy.json";
inline constexpr std::string_view kWeightsManifestFile = "weights.json";
inline constexpr std::string_view kWeightsFile = "weights.bin";
inline constexpr std::string_view kPlanFile = "plan.json";
inline constexpr std::string_view kTokenizerFile = "sentencepiece.bpe.model";

// A file of the bundle as policy.json names it.
struct FileRecord {
  std::string file;  // relative to the bundle
  uint64_t bytes = 0;
  std::string sha256;
};

struct WeightRecord {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t offset = 0;
  uint64_t length = 0;
  std::string transform;             // "copy", "transpose", ...
  std::vector<std::string> sources;  // tensor names in the checkpoint
  std::string xxh3;                  // of the stored bytes, 128 bits
};

using Assumption = policy::Assumption;

// A recorded episode that had a part in making the bundle: figures on it prove nothing.
struct UsedEpisode {
  std::string use;  // "calibration", "validation"
  std::string name;
  std::string sha256;  // of its content
};

struct Provenance {
  std::string vlaq_version;
  std::string command;              // "export"
  std::vector<FileRecord> sources;  // file names without their folders
  std::vector<Assumption> assumptions;
  std::string state_dict = {};         // key of the state dict that was taken where the file held several
  std::vector<FileRecord> found = {};  // read from beside the checkpoint without being named: config.json ...
  std::vector<UsedEpisode> used = {};
};

struct Bundle {
  std::filesystem::path path;
  policy::Policy policy;                                  // what runs, as data
  std::string config;                                     // JSON text: the model family's configuration; or empty
  std::string precision = "fp32";                         // how weights are stored
  std::map<std::string, FileRecord, std::less<>> graphs;  // by name in the policy
  std::map<std::string, std::string> stages;  // stage -> value name in a graph, for comparing with a reference
  FileRecord weights;                         // without a file: the graphs hold theirs
  std::optional<FileRecord> tokenizer;
  std::string target;                           // of a quantized bundle: what it was made for ("cpu", "tensorrt-8.6")
  std::optional<FileRecord> plan;               // of a quantized bundle
  std::map<std::string, std::string> left_out;  // tensors of the checkpoint in no graph -> why
  Provenance provenance;

  std::filesystem::path GraphPath(std::string_view role) const;
  std::filesystem::path WeightsPath() const { return path / weights.file; }
};

// True if `path` looks like a bundle (a folder with a policy.json that names graphs).
bool IsBundle(const std::filesystem::path& path);

// Whether Open() looks at the files that policy.json names. kUnchecked is for `verify`, whose verdict that is.
enum class Presence { kChecked, kUnchecked };

// Reads policy.json, of this schema or of the one before ("vlaq.bundle/1"), and checks that every file it names is
// there and has the recorded size. The policy is valid (policy::Validate) and what its family makes of its settings.
// Errors: kInput naming the file and what is wrong.
Result<Bundle> Open(const std::filesystem::path& path, Presence presence = Presence::kChecked);

// Reads weights.json. Errors: kInput; also if records overlap or reach beyond the weights file.
Result<std::vector<WeightRecord>> ReadWeightRecords(const Bundle& bundle);

// One file whose content is not what policy.json says.
struct HashMismatch {
  std::string file;
  std::string expected, actual;  // SHA-256; `actual` is empty for a file that cannot be read
};
// Reads every file whole and compares its SHA-256.
std::vector<HashMismatch> CheckHashes(const Bundle& bundle);

// Size and SHA-256 of a file, under its name without folders.
Result<FileRecord> Describe(const std::filesystem::path& path);

// Whether a bundle can be written to `path`, as far as that can be known without making anything. Errors: kUsage if it
// exists and `existing` is kRefuse, or is no bundle, or holds anything that its policy.json does not name; kInput if
// the folder above it cannot be written to.
Status CheckPlace(const std::filesystem::path& path, Existing existing);

// Makes a bundle that appears whole or not at all.
class Writer {
 public:
  // Errors: as CheckPlace.
  static Result<Writer> Create(const std::filesystem::path& path, Existing existing);

  // The folder in which the caller writes graphs, weights and tokenizer.
  const std::filesystem::path& folder() const { return folder_.path(); }
  // Writes policy.json and weights.json and moves the folder to its name. `bundle.path` is ignored, as are the files
  // named in bundle.policy.graphs: bundle.graphs has them. Errors: kInput if the policy is not valid; kInternal if its
  // graphs are not bundle.graphs.
  Status Commit(const Bundle& bundle, const std::vector<WeightRecord>& weights);

 private:
  explicit Writer(OutputFolder folder) : folder_(std::move(folder)) {}
  OutputFolder folder_;
};

}  // namespace vlaq::bundle
