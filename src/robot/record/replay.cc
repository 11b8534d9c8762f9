#include "robot/record/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "mcap/reader.h"
#include "robot/record/messages.h"
#include "robot/record/recording.h"
#include "ros2/codec.h"
#include "ros2/picture.h"

namespace vlaq::robot::record {
namespace {

// Chunks that a tick may still take: those before it was recorded come before it in the file.
constexpr size_t kChunksKept = 64;

bool SameBits(double a, double b) {
  return a == b ? std::signbit(a) == std::signbit(b) : std::isnan(a) && std::isnan(b);
}

class Replayer {
 public:
  Replayer(Inference* inference, const Feature* action) : inference_(inference), action_(action) {}

  Status Take(const mcap::Channel& channel, const mcap::Message& message) {
    const std::string_view topic = channel.topic;
    const std::string_view text = AsText(message.data);
    if (topic == kAboutTopic) return Begin(text);
    if (!settings_) return InputError("", fmt::format("{} comes before {}", topic, kAboutTopic));
    if (topic == kTickTopic) return TakeTick(text);
    if (topic == kChunkTopic) return TakeChunk(text);
    if (topic == kObservationTopic) return TakeObservation(text);
    if (topic.starts_with(kCameraTopics))
      return TakePicture(std::string(topic.substr(kCameraTopics.size())), message.data);
    return {};
  }

  const ReplayResult& result() const { return result_; }
  bool begun() const { return settings_.has_value(); }

 private:
  Status Begin(std::string_view text) {
    VLAQ_ASSIGN_OR_RETURN(About about, ParseAbout(text));
    if (about.settings.axes.empty() || about.settings.axes.size() > kMaxAxes ||
        about.settings.sensors.size() > kMaxSensors) {
      return InputError("", "has no settings that a robot is driven with");
    }
    max_steps_ = about.max_steps;
    settings_ = std::move(about.settings);
    controller_ = std::make_unique<Controller>(*settings_, max_steps_);
    if (inference_ != nullptr) {
      VLAQ_ASSIGN_OR_RETURN(map_, ActionMap::Make(settings_->axes, *action_));
    }
    return {};
  }

  void Differ(uint64_t& count, const std::string& where) {
    ++count;
    if (result_.first_difference.empty()) result_.first_difference = where;
  }

  Status TakeTick(std::string_view text) {
    VLAQ_ASSIGN_OR_RETURN(const Ticked ticked, ParseTick(text, *settings_));
    const Chunk* chunk = nullptr;
    for (const Chunk& candidate : chunks_) {
      if (candidate.id == ticked.input.chunk) chunk = &candidate;
    }
    if (ticked.input.chunk >= 0 && chunk == nullptr)
      return InputError("", fmt::format("chunk {} was not recorded", ticked.input.chunk));
    const TickOutput again = controller_->Tick(ticked.input, chunk);
    const TickOutput& then = ticked.output;
    bool same =
        again.state == then.state && again.reasons == then.reasons && again.command.silent == then.command.silent;
    for (size_t i = 0; i < settings_->axes.size(); ++i)
      same = same && SameBits(again.command.values[i], then.command.values[i]);
    if (!same) {
      Differ(result_.different_ticks,
             fmt::format("tick {}: {} {:.17g} then, {} {:.17g} now", result_.ticks, Name(then.state),
                         then.command.values[0], Name(again.state), again.command.values[0]));
    }
    ++result_.ticks;
    ++result_.states[std::string(Name(then.state))];
    return {};
  }

  Status TakePicture(std::string input, Bytes cdr) {
    if (inference_ == nullptr) return {};
    VLAQ_ASSIGN_OR_RETURN(const ros2::Image image, ros2::Decode<ros2::Image>(cdr));
    VLAQ_ASSIGN_OR_RETURN(pictures_[std::move(input)], ros2::ToRgb(image));
    return {};
  }

  // The pictures of an inference come before its other values, and its chunk after them.
  Status TakeObservation(std::string_view text) {
    computed_.reset();
    if (inference_ == nullptr) return {};
    VLAQ_ASSIGN_OR_RETURN(const Seen seen, ParseObservation(text));
    Observation observation = seen.numbers;
    for (const SensorSettings& sensor : settings_->sensors) {
      if (!sensor.image) continue;
      const auto picture = pictures_.find(sensor.feature);
      if (picture == pictures_.end()) return {};  // pictures were not recorded
      observation[sensor.feature] = picture->second;
    }
    if (seen.begins) VLAQ_RETURN_IF_ERROR(inference_->Reset(seen.task));
    computed_ = Again();
    const auto actions = inference_->Step(observation);
    if (actions.ok()) {
      computed_->failed = !map_->Fill(*actions, computed_->chunk).ok();
    } else {
      computed_->failed = true;
    }
    return {};
  }

  Status TakeChunk(std::string_view text) {
    VLAQ_ASSIGN_OR_RETURN(Computed then, ParseChunk(text, *settings_));
    if (computed_) Compare(then);
    if (then.chunk.id < 0) return {};
    if (then.chunk.steps > max_steps_)
      return InputError("", fmt::format("chunk {} is longer than those of the policy", then.chunk.id));
    chunks_.push_back(std::move(then.chunk));
    if (chunks_.size() > kChunksKept) chunks_.erase(chunks_.begin());
    return {};
  }

  void Compare(const Computed& then) {
    const bool failed_then = then.chunk.id < 0;
    bool same = failed_then == computed_->failed;
    if (same && !failed_then) {
      same = then.chunk.steps == computed_->chunk.steps;
      for (size_t i = 0; same && i < then.chunk.values.size(); ++i) {
        const double before = then.chunk.values[i], now = computed_->chunk.values[i];
        same = SameBits(before, now);
        result_.largest_difference = std::max(result_.largest_difference, std::abs(before - now));
      }
    }
    if (!same) Differ(result_.different_steps, fmt::format("inference {}", result_.steps));
    ++result_.steps;
  }

  struct Again {
    Chunk chunk;
    bool failed = false;
  };

  Inference* inference_;
  const Feature* action_;
  std::optional<Settings> settings_;
  std::optional<ActionMap> map_;
  std::unique_ptr<Controller> controller_;
  std::vector<Chunk> chunks_;
  size_t max_steps_ = 0;
  std::map<std::string, Tensor> pictures_;
  std::optional<Again> computed_;
  ReplayResult result_;
};

}  // namespace

Result<std::map<std::string, std::string>> ReadAbout(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const mcap::Reader reader, mcap::Reader::Open(path));
  std::optional<About> about;
  const auto read = reader.Read({.topics = {std::string(kAboutTopic)}},
                                [&about](const mcap::Channel&, const mcap::Message& message) -> Status {
                                  VLAQ_ASSIGN_OR_RETURN(about, ParseAbout(AsText(message.data)));
                                  return {};
                                });
  if (!read.ok()) return Within(path.string(), read.error());
  if (!about) return InputError(path.string(), "is no recording of vlaq robot");
  return about->about;
}

Result<ReplayResult> Replay(const std::filesystem::path& path, Inference* inference, const Feature* action) {
  VLAQ_ASSIGN_OR_RETURN(const mcap::Reader reader, mcap::Reader::Open(path));
  Replayer replayer(inference, action);
  auto damage = reader.Read({}, [&replayer](const mcap::Channel& channel, const mcap::Message& message) {
    return replayer.Take(channel, message);
  });
  if (!damage.ok()) return Within(path.string(), damage.error());
  if (!replayer.begun()) return InputError(path.string(), "is no recording of vlaq robot");
  ReplayResult result = replayer.result();
  result.damage = std::move(*damage);
  return result;
}

}  // namespace vlaq::robot::record
