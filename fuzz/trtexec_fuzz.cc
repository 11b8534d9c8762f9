// Any bytes as what a trtexec wrote: the first one says which file, the rest is it. What is read goes into a record and
// back.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "engine/layers.h"
#include "engine/log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace engine = vlaq::engine;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<engine::Layer> layers{{"a", "", "", engine::Precision::kUnknown, false, {}, {}}};
  switch (data[0]) {
    case 'g': {
      vlaq::ProgramRun run;
      run.output = text;
      run.exit_code = 1;
      if (engine::JudgeRun(run, engine::ReadLog(text), "fuzz").ok()) std::abort();
      break;
    }
    case 'l': {
      const auto read = engine::ReadLayers(text, "fuzz");
      if (!read.ok()) break;
      const vlaq::Json json = engine::LayersToJson(*read);
      const auto again = engine::LayersFromJson(json, "fuzz");
      if (!again.ok() || engine::LayersToJson(*again) != json) std::abort();
      break;
    }
    case 'p':
      static_cast<void>(engine::ReadProfile(text, "fuzz", layers).ok());
      break;
    case 't':
      static_cast<void>(engine::ReadTimes(text, "fuzz").ok());
      break;
    default:
      static_cast<void>(engine::ReadOutputs(text, "fuzz").ok());
  }
  return 0;
}
