// What happened in a control loop, as an MCAP file (SAFE-13), which Foxglove shows and replay.h carries out again.
//
//   /vlaq/about         JSON, the first message: the settings, and what the caller says of the drive
//   /vlaq/tick          JSON, every tick: all that came in, state, reasons, command
//   /vlaq/observation   JSON, every inference: which frames it saw, numbers, task
//   /vlaq/camera/NAME   sensor_msgs/msg/Image as CDR, the picture of an input that it saw
//   /vlaq/chunk         JSON, every inference: the actions that came of it, or the error
//
// What is recorded survives the end of this program within half a second. A disk that is full ends the recording, not
// the drive, and the log is told at once.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/output.h"
#include "base/status.h"
#include "robot/journal.h"
#include "robot/settings.h"

namespace vlaq::robot::record {

inline constexpr std::string_view kAboutTopic = "/vlaq/about", kTickTopic = "/vlaq/tick",
                                  kObservationTopic = "/vlaq/observation", kChunkTopic = "/vlaq/chunk",
                                  kCameraTopics = "/vlaq/camera/";

struct RecordOptions {
  Existing existing = Existing::kRefuse;
  bool images = true;                             // without them the commands can be replayed, the policy cannot
  int64_t clock_offset = 0;                       // ns from the loop's clock to the time of day
  std::map<std::string, std::string> about = {};  // the drive: "bundle" ...
};

class Recording : public Journal {
 public:
  // `max_steps`: of a chunk of the policy; `log` must outlive it, and is told from any thread. Errors: kUsage if the
  // file exists and may not be replaced; kInput with the system's reason.
  static Result<std::unique_ptr<Recording>> Create(const std::filesystem::path& path, const Settings& settings,
                                                   size_t max_steps, const RecordOptions& options, Log& log);
  // Ends the file. Errors: kInput with the first that went wrong since the beginning (disk full); what was recorded
  // before is in the file.
  virtual Status Close() = 0;
};

}  // namespace vlaq::robot::record
