// How a robot is driven, as data: times, how chunks are played, limits of the axes, what stops it. In scope: the
// values, their JSON (settings_json.cc) and whether they fit together. Not aware of: topics, policies.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_field.h"
#include "base/json_fwd.h"
#include "base/status.h"
#include "robot/time.h"

namespace vlaq::robot {

inline constexpr size_t kMaxAxes = 64;     // of a command
inline constexpr size_t kMaxSensors = 16;  // that an observation is made of

// Which actions of chunks are played.
enum class ChunkRule {
  kReplace,         // "replace": the newest chunk from its first action
  kReplaceAligned,  // "replace_aligned": without the actions whose time passed while it was computed
  kFirstOnly,       // "first_only": the first action of each chunk
  kExhaust,         // "exhaust": a new chunk is computed only when the last one is used up
  kMerge,           // "merge": actions for the same time are merged (`merge`), played ones never change
};
enum class Merge { kWeighted, kLatest, kAverage };  // "weighted" (merge_new_weight), "latest", "average"
// What is sent when no action is left.
enum class OnEmpty {
  kHold,  // "hold": the last one, until command_timeout_ms
  kStop,  // "stop": zero
  kRamp,  // "ramp": the last one, down to zero in ramp_ms
};

std::string_view Name(ChunkRule rule);
std::string_view Name(Merge merge);
std::string_view Name(OnEmpty on_empty);
std::optional<ChunkRule> FindChunkRule(std::string_view name);
std::optional<Merge> FindMerge(std::string_view name);
std::optional<OnEmpty> FindOnEmpty(std::string_view name);

struct TimingSettings {
  double control_period_ms = 20;     // between commands
  double inference_period_ms = 400;  // between the starts of two inferences
  double action_period_ms = 20;      // between the actions of a chunk
  double expected_latency_ms = 100;  // the longest that an inference takes, with the camera's way to it
  double fill_period_ms = 0;         // between inferences until warmup_steps are done; 0: inference_period_ms (S2: 50)
  int64_t warmup_steps = 0;          // inferences whose actions are not played: until the policy's window is full
  ChunkRule chunk_rule = ChunkRule::kReplace;
  std::optional<OnEmpty> on_empty = {};  // must be given where chunks run dry by design
  double ramp_ms = 200;
  Merge merge = Merge::kWeighted;
  double merge_new_weight = 0.7;  // the rest is the older action's
  double refill_at = 0.5;         // kMerge: inference when no more than this part of a chunk is left
};

struct SafetySettings {
  double command_timeout_ms = 300;      // SAFE-02, from the end of the last action that was due
  double max_observation_age_ms = 500;  // SAFE-03
  double inference_timeout_ms = 0;      // SAFE-06; 0: inference_period_ms + command_timeout_ms
  bool range_required = false;          // SAFE-07: whether there is a sensor, whose silence then stops
  double range_stop_m = 0.2;            // SAFE-07: this near or nearer
  double range_timeout_ms = 200;        // SAFE-07
  bool operator_required = false;       // SAFE-08: whether somebody who can stop the robot must be connected
  bool peer_required = false;           // SAFE-09: whether somebody must take the commands
};

// What a stop means for an axis.
enum class AxisKind {
  kVelocity,  // "velocity": zero stands still
  kPosition,  // "position": staying where it is stands still
};
std::string_view Name(AxisKind kind);
std::optional<AxisKind> FindAxisKind(std::string_view name);

// One value of the policy's action on its way to the robot: command = offset + scale * action, held within
// [min, max], changing by at most max_rate a second (units/s).
struct Axis {
  std::string from = {};  // what the policy calls it
  std::string to = {};    // what the robot calls it: "linear.x", or a joint
  AxisKind kind = AxisKind::kVelocity;
  double scale = 1, offset = 0;
  double min = -std::numeric_limits<double>::infinity(), max = std::numeric_limits<double>::infinity();
  double max_rate = std::numeric_limits<double>::infinity();
  std::string unit = {};
};

// What makes a frame of a camera, or values of a sensor, unusable (SAFE-03, and what else is no picture).
struct SensorSettings {
  std::string feature = {};  // the policy's name: "observation.images.front"
  bool image = true;
  bool refuse_frozen = true;   // the same bytes as before; of images only
  bool refuse_blank = true;    // one color all over; of images only
  bool refuse_resized = true;  // of another size than the first; of images only
};

struct Settings {
  TimingSettings timing;
  SafetySettings safety;
  std::vector<Axis> axes;  // 1 to kMaxAxes
  std::vector<SensorSettings> sensors;

  Time control_period() const { return FromMs(timing.control_period_ms); }
  Time inference_timeout() const {
    return FromMs(safety.inference_timeout_ms > 0 ? safety.inference_timeout_ms
                                                  : timing.inference_period_ms + safety.command_timeout_ms);
  }
  OnEmpty on_empty() const { return timing.on_empty.value_or(OnEmpty::kHold); }
};

// For recorded and simulated cameras, which repeat themselves and drop out as live ones must not.
void AllowRepeats(Settings& settings);

// Whether they fit together, and with chunks of `chunk` actions (1 and more). Errors: kUsage that names the setting
// and what would fit.
Status Validate(const Settings& settings, int64_t chunk);

// Members "timing", "safety", "sensors" and "axes" of a file, each of which may be absent; what is absent stays as in
// `settings`. What is wrong is remembered in `file`.
void ReadSettings(const JsonField& file, Settings& settings);
// The same members, to be read again.
void WriteSettings(const Settings& settings, Json& document);

}  // namespace vlaq::robot
