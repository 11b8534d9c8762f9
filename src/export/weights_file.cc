#include "export/weights_file.h"

#include "base/hash.h"
#include "bundle/hashed_file.h"

namespace vlaq::exporting {
namespace {

bundle::WeightRecord RecordOf(const families::PlacedWeight& weight) {
  const families::WeightRecipe& recipe = weight.recipe;
  return {recipe.name,    recipe.dtype,
          recipe.shape,   weight.offset,
          weight.length,  std::string(recipe.transform->name),
          recipe.sources, ""};
}

}  // namespace

Result<WrittenWeights> WriteWeights(const std::vector<families::PlacedWeight>& weights,
                                    const checkpoint::Checkpoint& checkpoint, const std::filesystem::path& path,
                                    Log& log) {
  VLAQ_ASSIGN_OR_RETURN(auto file, bundle::HashedFile::Create(path));
  WrittenWeights written;
  const uint64_t total = weights.empty() ? 0 : weights.back().offset + weights.back().length;
  VLAQ_RETURN_IF_ERROR(file.Expect(total));
  uint64_t done = 0;
  for (const families::PlacedWeight& weight : weights) {
    VLAQ_RETURN_IF_ERROR(file.PadTo(weight.offset));
    done = weight.offset;
    Xxh3 checksum;
    Status put;
    const Status streamed = families::StreamWeight(weight.recipe, checkpoint, [&](Bytes piece) {
      checksum.Update(piece);
      done += piece.size();
      log.Progress("weights", done, total);
      return put = file.Write(piece);
    });
    if (!put.ok()) return put.error();  // of the output, which names itself
    if (!streamed.ok()) return Within(checkpoint.path().string(), streamed.error());
    written.records.push_back(RecordOf(weight));
    written.records.back().xxh3 = checksum.FinishHex();
  }
  VLAQ_ASSIGN_OR_RETURN(written.file, file.Commit());
  return written;
}

}  // namespace vlaq::exporting
