// One run of trtexec on behalf of an engine, and the files that come and go with it. Used by build.cc and measure.cc.
//
// In scope: how a run ends, where the log of a failed one stays. Not aware of: what is asked of trtexec.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/build.h"

namespace vlaq::engine {

// Files of one run beside the engine, which go when it is over or is interrupted.
class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& engine) : stem_(engine.string()) {}
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string Path(std::string_view what);

 private:
  std::string stem_;
  std::vector<std::filesystem::path> paths_;
};

struct ToolRun {
  ToolLog log;
  uint64_t peak_resident_bytes = 0;
};
// `doing`: "building policy_fp16.trt"; `each_part` sees the log as it comes. Errors: by the cause in the log
// (JudgeRun), and kBackend if it does not end in time; the log of such a run stays as ENGINE.log.
Result<ToolRun> RunTool(const Builder& builder, const std::vector<std::string>& arguments, double timeout_s,
                        const std::filesystem::path& engine, const std::string& doing,
                        const std::function<void(std::string_view)>& each_part = {});
// That of an earlier failure, after a success.
void RemoveLog(const std::filesystem::path& engine);

// A file that trtexec was asked to write. Errors: kBackend if it did not.
Result<std::string> ReadWritten(const std::string& path);

}  // namespace vlaq::engine
