#include "robot/monitor/robot_monitor.h"

#include <fmt/format.h>

#include "base/json.h"
#include "image/encode.h"
#include "robot/safety.h"

namespace vlaq::robot::monitor {
namespace {

bool MovesOnlyByOrder(State state) {
  return state == State::kDisarmed || state == State::kHold || state == State::kEstop;
}

std::string StateText(const TickOutput& output) {
  const std::string reasons = output.reasons.ToString();
  return std::string(Name(output.state)) + (reasons.empty() ? "" : ": " + reasons);
}

}  // namespace

RobotMonitor::Seen RobotMonitor::seen() const {
  const std::scoped_lock lock(mutex_);
  return seen_;
}

void RobotMonitor::Tick(const TickInput& /*input*/, const TickOutput& output) {
  const std::scoped_lock lock(mutex_);
  seen_.output = output;
  ++seen_.ticks;
  if (output.reasons.Has(Reason::kLateTick)) ++seen_.late_ticks;
}

void RobotMonitor::Step(const Inferred& inferred) {
  const Time took = inferred.finished - inferred.started;
  const std::scoped_lock lock(mutex_);
  ++seen_.steps;
  seen_.latency_ms = ToMs(took);
  if (MissedDeadline(settings_.timing, took)) ++seen_.misses;
  if (inferred.chunk == nullptr) {
    ++seen_.failed;
    seen_.error = inferred.error;
  }
  if (inferred.sighting == nullptr) return;
  seen_.task = inferred.sighting->task;
  for (const SensorSettings& sensor : settings_.sensors) {
    if (!sensor.image) continue;
    seen_.camera = sensor.feature;
    seen_.picture = inferred.sighting->values.at(sensor.feature);
    return;
  }
}

std::string RobotMonitor::StatusJson() const {
  const Seen seen = this->seen();
  Json axes = Json::array(), command = Json::array();
  for (size_t i = 0; i < settings_.axes.size(); ++i) {
    axes.push_back({{"name", settings_.axes[i].to}, {"unit", settings_.axes[i].unit}});
    command.push_back(seen.output.command.values[i]);
  }
  Json json{{"policy", about_.policy},
            {"runs_on", about_.runs_on},
            {"task", seen.task},
            {"state", StateText(seen.output)},
            {"stopped", MovesOnlyByOrder(seen.output.state)},
            {"axes", std::move(axes)},
            {"action", std::move(command)},
            {"latency_ms", seen.latency_ms},
            {"period_ms", settings_.timing.inference_period_ms},
            {"steps", seen.steps},
            {"counts",
             {{"inferences", seen.steps},
              {"misses", seen.misses},
              {"errors", seen.failed},
              {"ticks", seen.ticks},
              {"late ticks", seen.late_ticks}}}};
  if (!seen.camera.empty()) json["camera"] = seen.camera;
  if (!seen.error.empty()) json["counts"]["last error"] = seen.error;
  return JsonString(json);
}

Result<std::string> RobotMonitor::CameraPng() const {
  const Tensor picture = seen().picture;
  if (picture.rank() != 3) return InputError("", "there was no picture yet");
  return image::EncodePng(
      {static_cast<int>(picture.shape()[1]), static_cast<int>(picture.shape()[0]), picture.data<uint8_t>()});
}

std::string RobotMonitor::HealthJson() const {
  const Seen seen = this->seen();
  return JsonString({{"model_name", about_.policy},
                     {"device", about_.runs_on},
                     {"state", Name(seen.output.state)},
                     {"reasons", seen.output.reasons.ToString()},
                     {"stopped", MovesOnlyByOrder(seen.output.state)},
                     {"observation_age_ms", ToMs(seen.output.observation_age)},
                     {"control_period_s", settings_.timing.control_period_ms / 1000}});
}

std::string RobotMonitor::MetricsText() const {
  const Seen seen = this->seen();
  const struct {
    const char *name, *kind, *help;
    uint64_t value;
  } rows[] = {{"vlaq_ticks_total", "counter", "Control ticks.", seen.ticks},
              {"vlaq_late_ticks_total", "counter", "Ticks that began later than half their period.", seen.late_ticks},
              {"vlaq_inferences_total", "counter", "Inferences, failed ones among them.", seen.steps},
              {"vlaq_failed_inferences_total", "counter", "Inferences that gave an error.", seen.failed},
              {"vlaq_deadline_misses_total", "counter", "Inferences longer than their period.", seen.misses},
              {"vlaq_running", "gauge", "1 while actions are played.", seen.output.state == State::kRun ? 1U : 0U},
              {"vlaq_stopped", "gauge", "1 while only the operator makes it go on.",
               MovesOnlyByOrder(seen.output.state) ? 1U : 0U}};
  std::string text;
  for (const auto& row : rows)
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", row.name, row.help, row.kind, row.value);
  return text;
}

void RobotMonitor::Resume() {
  if (seen().output.state == State::kDisarmed) {
    orders_.Add(Event::kArm);
    return;
  }
  orders_.Add(Event::kReset);
  orders_.Add(Event::kResume);
}

}  // namespace vlaq::robot::monitor
