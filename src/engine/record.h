// FILE.trt.json, "vlaq.engine/1": what an engine was made of and what runs in it. Used by build.cc; people and `vlaq
// build
// --choose` read it.
#pragma once

#include "engine/build.h"

namespace vlaq::engine {

std::filesystem::path RecordPath(const std::filesystem::path& engine);
std::string RecordText(const EnginePlan& plan, const Builder& builder, const Board& board, const BuiltEngine& built);

struct Record {
  std::string key, engine_sha256;
  uint64_t engine_bytes = 0;
  double seconds = 0;
  std::vector<Layer> layers;
  std::vector<std::string> not_measured;
};
// Errors: kInput naming what is missing.
Result<Record> ReadRecord(const std::filesystem::path& engine);

}  // namespace vlaq::engine
