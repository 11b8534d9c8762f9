// The JSON messages of a recording, written and read: every value comes back bit for bit. Private to this module.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"
#include "robot/controller.h"
#include "robot/inference_runner.h"
#include "robot/settings.h"

namespace vlaq::robot::record {

// `axes` name the values of the command.
std::string TickText(const Ticked& ticked, const Settings& settings);
Result<Ticked> ParseTick(std::string_view text, const Settings& settings);

// An inference but for its pictures.
struct Seen {
  Observation numbers;  // what is no picture
  std::string task;
  bool begins = false, played = true;
  Time oldest = 0, newest = 0;
};
std::string ObservationText(const Inferred& inferred, const Settings& settings);
Result<Seen> ParseObservation(std::string_view text);

struct Computed {
  Chunk chunk;        // id -1: it failed
  std::string error;  // why
  bool played = true;
};
std::string ChunkText(const Inferred& inferred, const Settings& settings);
Result<Computed> ParseChunk(std::string_view text, const Settings& settings);

// What a recording says of itself.
struct About {
  Settings settings;
  size_t max_steps = 1;                      // actions of a chunk, at most
  std::map<std::string, std::string> about;  // what was known of the drive: "bundle" ...
};
std::string AboutText(const About& about);
Result<About> ParseAbout(std::string_view text);

// JSON Schema of the messages of a topic, for programs that show them.
std::string TickSchema(const Settings& settings);
std::string AnySchema(std::string_view title);

}  // namespace vlaq::robot::record
