// FILE.trt.json, "vlaq.engine/1": what an engine was made of and what runs in it. Used by build.cc; people and `vlaq
// build
// --choose` read it.
#pragma once

#include "engine/build.h"

namespace vlaq::engine {

// The files of a bundle that decide what an engine of this graph is. `bundle` has a plan.
std::vector<std::pair<std::string, std::string>> MadeOf(const bundle::Bundle& bundle, std::string_view graph);

std::filesystem::path RecordPath(const std::filesystem::path& engine);
std::string RecordText(const EnginePlan& plan, const Builder& builder, const Board& board, const BuiltEngine& built);

struct Record {
  std::vector<std::pair<std::string, std::string>> made_of;  // file -> SHA-256
  std::string key, engine_sha256;
  std::string tensorrt;  // version that made it; empty if the record does not say
  uint64_t engine_bytes = 0;
  double seconds = 0;
  std::vector<Layer> layers;
  std::vector<std::string> not_measured;
};
// Errors: kInput naming what is missing.
Result<Record> ReadRecord(const std::filesystem::path& engine);

}  // namespace vlaq::engine
