// Writes the shared weights file of a bundle.
#pragma once

#include <filesystem>
#include <vector>

#include "base/log.h"
#include "bundle/bundle.h"
#include "families/weights.h"

namespace vlaq::exporting {

struct WrittenWeights {
  bundle::FileRecord file;
  std::vector<bundle::WeightRecord> records;
};

// Streams every weight to its place in `path`. Own memory: the largest transformed tensor and a few pieces in flight,
// whatever the size of the checkpoint. The file's SHA-256 is taken on a second thread while it is written.
Result<WrittenWeights> WriteWeights(const std::vector<families::PlacedWeight>& weights,
                                    const checkpoint::Checkpoint& checkpoint, const std::filesystem::path& path,
                                    Log& log);

}  // namespace vlaq::exporting
