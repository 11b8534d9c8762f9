#include "export/weights_file.h"

#include "base/hash.h"
#include "base/output.h"
#include "export/background_hash.h"

namespace vlaq::exporting {
namespace {

// The file and the two kinds of checksum that see every byte.
class HashedFile {
 public:
  static Result<HashedFile> Create(const std::filesystem::path& path) {
    VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path, Existing::kRefuse));
    return HashedFile(std::move(file));
  }

  Status Write(Bytes bytes) {
    hash_->Update(bytes);
    return file_.Write(bytes);
  }
  Status PadTo(uint64_t offset) {
    const std::vector<std::byte> zeros(offset - file_.offset());
    return zeros.empty() ? Status() : Write(zeros);
  }
  Result<bundle::FileRecord> Commit(const std::filesystem::path& path) {
    VLAQ_RETURN_IF_ERROR(file_.Commit());
    return bundle::FileRecord{path.filename().string(), file_.offset(), hash_->FinishHex()};
  }

 private:
  explicit HashedFile(OutputFile file) : file_(std::move(file)), hash_(std::make_unique<BackgroundSha256>()) {}
  OutputFile file_;
  std::unique_ptr<BackgroundSha256> hash_;
};

bundle::WeightRecord RecordOf(const architecture::PlacedWeight& weight) {
  const architecture::WeightRecipe& recipe = weight.recipe;
  return {recipe.name,    recipe.dtype,
          recipe.shape,   weight.offset,
          weight.length,  std::string(architecture::TransformName(recipe.transform)),
          recipe.sources, ""};
}

}  // namespace

Result<WrittenWeights> WriteWeights(const std::vector<architecture::PlacedWeight>& weights,
                                    const checkpoint::Checkpoint& checkpoint, const std::filesystem::path& path,
                                    Log& log) {
  VLAQ_ASSIGN_OR_RETURN(HashedFile file, HashedFile::Create(path));
  WrittenWeights written;
  const uint64_t total = weights.empty() ? 0 : weights.back().offset + weights.back().length;
  uint64_t done = 0;
  for (const architecture::PlacedWeight& weight : weights) {
    VLAQ_RETURN_IF_ERROR(file.PadTo(weight.offset));
    done = weight.offset;
    Xxh3 checksum;
    VLAQ_RETURN_IF_ERROR(architecture::StreamWeight(weight.recipe, checkpoint, [&](Bytes piece) {
      checksum.Update(piece);
      done += piece.size();
      log.Progress("weights", done, total);
      return file.Write(piece);
    }));
    written.records.push_back(RecordOf(weight));
    written.records.back().xxh3 = checksum.FinishHex();
  }
  VLAQ_ASSIGN_OR_RETURN(written.file, file.Commit(path));
  return written;
}

}  // namespace vlaq::exporting
