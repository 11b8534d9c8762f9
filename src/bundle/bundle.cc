#include "bundle/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "bundle/manifest.h"

namespace vlaq::bundle {
namespace fs = std::filesystem;
namespace {

// Files are hashed in pieces that are given back, so that a bundle larger than memory can be checked.
constexpr size_t kPieceBytes = size_t{16} << 20U;

std::vector<FileRecord> AllFiles(const Bundle& bundle) {
  std::vector<FileRecord> files;
  for (const auto& [role, file] : bundle.graphs) files.push_back(file);
  if (!bundle.weights.file.empty()) files.push_back(bundle.weights);
  if (bundle.tokenizer) files.push_back(*bundle.tokenizer);
  if (bundle.plan) files.push_back(*bundle.plan);
  return files;
}

Status CheckPresent(const Bundle& bundle, const FileRecord& file) {
  const fs::path path = bundle.path / file.file;
  std::error_code error;
  const uint64_t bytes = fs::file_size(path, error);
  if (error) {
    return InputError(path.string(), fmt::format("is named in {} but missing", kPolicyFile), "export the policy again");
  }
  if (bytes != file.bytes) {
    return InputError(
        path.string(),
        fmt::format("has {} bytes, but {} says {}: the files do not belong together", bytes, kPolicyFile, file.bytes),
        "export the policy again");
  }
  return {};
}

// Whether --force may remove the folder: a bundle, and nothing that somebody else put beside its files.
Status CheckReplaceable(const fs::path& path) {
  const std::string advice = "remove it yourself, or give another name";
  if (!IsBundle(path)) {
    return UsageError(
        fmt::format("{} exists and was not written by vlaq, so --force does not replace it", path.string()), advice);
  }
  const auto bundle = Open(path, Presence::kUnchecked);
  if (!bundle.ok()) {
    return UsageError(fmt::format("--force does not replace {}: which of its files are vlaq's cannot be read ({})",
                                  path.string(), bundle.error().ToString()),
                      advice);
  }
  std::set<std::string> own{std::string(kPolicyFile), std::string(kWeightsManifestFile)};
  for (const FileRecord& file : AllFiles(*bundle)) own.insert(file.file);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    if (own.contains(entry.path().filename().string())) continue;
    return UsageError(fmt::format("--force does not replace {}: {} does not belong to the bundle", path.string(),
                                  entry.path().filename().string()),
                      "move it away, or give another name");
  }
  return {};
}

}  // namespace

fs::path Bundle::GraphPath(std::string_view role) const {
  const auto it = graphs.find(role);
  return it == graphs.end() ? fs::path() : path / it->second.file;
}

bool IsBundle(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) && LooksLikeManifest(path / kPolicyFile);
}

Result<Bundle> Open(const fs::path& path, Presence presence) {
  std::error_code error;
  if (!fs::exists(path, error)) return InputError(path.string(), "does not exist");
  if (!fs::is_directory(path, error)) {
    return InputError(path.string(), "is not a bundle, which is a folder", "`vlaq export` makes one from a checkpoint");
  }
  if (!fs::exists(path / kPolicyFile, error)) {
    return InputError(path.string(), fmt::format("is not a bundle: it holds no {}", kPolicyFile),
                      "`vlaq export` makes one from a checkpoint");
  }
  auto manifest = ReadManifest(path / kPolicyFile);
  if (!manifest.ok() && IsSettings(path / kPolicyFile)) {
    return InputError(path.string(),
                      fmt::format("is not a bundle: its {} holds settings for `vlaq export`", kPolicyFile),
                      "`vlaq export` makes a bundle from a checkpoint");
  }
  VLAQ_ASSIGN_OR_RETURN(Bundle bundle, std::move(manifest));
  bundle.path = path;
  if (presence == Presence::kUnchecked) return bundle;
  for (const FileRecord& file : AllFiles(bundle)) VLAQ_RETURN_IF_ERROR(CheckPresent(bundle, file));
  return bundle;
}

Result<std::vector<WeightRecord>> ReadWeightRecords(const Bundle& bundle) {
  const fs::path path = bundle.path / kWeightsManifestFile;
  VLAQ_ASSIGN_OR_RETURN(std::vector<WeightRecord> records, ReadWeightManifest(path));
  uint64_t end = 0;
  for (const WeightRecord& record : records) {
    const bool inside = record.offset <= bundle.weights.bytes && record.length <= bundle.weights.bytes - record.offset;
    if (record.offset < end || !inside || ByteCount(record.dtype, record.shape) != record.length) {
      return InputError(fmt::format("{}: weight '{}'", path.string(), record.name),
                        fmt::format("its range [{}, +{}) does not fit {} bytes of {}", record.offset, record.length,
                                    bundle.weights.bytes, bundle.weights.file));
    }
    end = record.offset + record.length;
  }
  return records;
}

std::vector<HashMismatch> CheckHashes(const Bundle& bundle) {
  std::vector<HashMismatch> mismatches;
  for (const FileRecord& file : AllFiles(bundle)) {
    const auto actual = Describe(bundle.path / file.file);
    const std::string sha256 = actual.ok() ? actual->sha256 : "";
    if (sha256 != file.sha256) mismatches.push_back({file.file, file.sha256, sha256});
  }
  return mismatches;
}

Result<FileRecord> Describe(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  Sha256 hash;
  for (Bytes rest = file->bytes(); !rest.empty();) {
    const Bytes piece = rest.first(std::min(kPieceBytes, rest.size()));
    hash.Update(piece);
    file->Release(piece);
    rest = rest.subspan(piece.size());
  }
  return FileRecord{path.filename().string(), file->bytes().size(), hash.FinishHex()};
}

Status CheckPlace(const fs::path& path, Existing existing) {
  const fs::path plain = path.filename().empty() ? path.parent_path() : path;
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(plain, ignored))) return CheckFolderPlace(plain);
  if (existing == Existing::kReplace) return CheckReplaceable(plain);
  return UsageError(fmt::format("{} already exists", plain.string()), "give another name, or --force to replace it");
}

Result<Writer> Writer::Create(const fs::path& path, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(OutputFolder folder, OutputFolder::Create(path, existing, CheckReplaceable));
  return Writer(std::move(folder));
}

Status Writer::Commit(const Bundle& bundle, const std::vector<WeightRecord>& weights) {
  VLAQ_RETURN_IF_ERROR(WriteFile(folder() / kWeightsManifestFile, WeightManifestText(weights), Existing::kRefuse));
  VLAQ_ASSIGN_OR_RETURN(const std::string manifest, ManifestText(bundle));
  VLAQ_RETURN_IF_ERROR(WriteFile(folder() / kPolicyFile, manifest, Existing::kRefuse));
  return folder_.Commit();
}

}  // namespace vlaq::bundle
