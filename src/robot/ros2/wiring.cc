#include "robot/ros2/wiring.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/json_field.h"
#include "robot/ros2/commanding.h"
#include "ros2/messages.h"

namespace vlaq::robot::ros2 {
namespace {

namespace msg = vlaq::ros2;

constexpr std::array kImageTypes{msg::Image::kType, msg::CompressedImage::kType};
constexpr std::array kStateTypes{msg::JointState::kType, msg::Float32MultiArray::kType, msg::Float64MultiArray::kType};
constexpr std::array kRangeTypes{msg::LaserScan::kType, msg::Range::kType};

template <size_t N>
Status CheckType(const std::string& of, const std::string& type, const std::array<std::string_view, N>& known) {
  if (std::ranges::find(known, type) != known.end()) return {};
  return UsageError(fmt::format("ros2: {} has type '{}'", of, type),
                    fmt::format("it can be {}", fmt::join(known, ", ")));
}

SensorTopic TopicOf(const JsonField& field, std::string_view usual_type) {
  SensorTopic topic{.topic = "", .type = std::string(usual_type), .names = {}};
  field.Need("topic", topic.topic);
  field.Read("type", topic.type);
  field.Read("names", topic.names);
  field.Only({"topic", "type", "names"}, "a topic");
  return topic;
}

void ReadCommands(const JsonField& field, Wiring& wiring) {
  field.Read("topic", wiring.commands);
  field.Read("type", wiring.command_type);
  field.Read("frame_id", wiring.frame_id);
  field.Read("duration_ms", wiring.command_duration_ms);
  field.Only({"topic", "type", "frame_id", "duration_ms"}, "the commands");
}

Json TopicJson(const SensorTopic& topic) {
  Json json{{"topic", topic.topic}, {"type", topic.type}};
  if (!topic.names.empty()) json["names"] = topic.names;
  return json;
}

// "observation.images.front" -> "front"
std::string LastPart(const std::string& name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

Result<Wiring> ReadWiring(const std::string& text, const std::string& where, const Settings& settings) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where));
  const JsonField field(json, where, "vlaq robot BUNDLE --propose writes such a file");
  Wiring wiring;
  const JsonField sensors = field["sensors"];
  for (const SensorSettings& sensor : settings.sensors) {
    wiring.sensors[sensor.feature] =
        TopicOf(sensors[sensor.feature], sensor.image ? msg::Image::kType : msg::JointState::kType);
  }
  field.Read("task", wiring.task);
  field.Read("operator", wiring.operator_orders);
  field.Read("stop", wiring.stop);
  field.Read("joints", wiring.joints);
  if (const auto range = field.Find("range")) wiring.range = TopicOf(*range, msg::LaserScan::kType);
  if (const auto commands = field.Find("commands")) ReadCommands(*commands, wiring);
  field.Only({"sensors", "task", "operator", "stop", "joints", "range", "commands"}, "the topics");
  VLAQ_RETURN_IF_ERROR(field.status());
  for (const SensorSettings& sensor : settings.sensors) {
    const std::string& type = wiring.sensors[sensor.feature].type;
    VLAQ_RETURN_IF_ERROR(sensor.image ? CheckType(sensor.feature, type, kImageTypes)
                                      : CheckType(sensor.feature, type, kStateTypes));
  }
  if (!wiring.range.topic.empty()) VLAQ_RETURN_IF_ERROR(CheckType("range", wiring.range.type, kRangeTypes));
  VLAQ_RETURN_IF_ERROR(CommandWriter::Make(wiring, settings.axes));
  return wiring;
}

std::string WiringText(const Wiring& wiring) {
  Json json = Json::object();
  for (const auto& [input, topic] : wiring.sensors) json["sensors"][input] = TopicJson(topic);
  const auto add = [&json](const char* key, const std::string& topic) {
    if (!topic.empty()) json[key] = topic;
  };
  add("task", wiring.task);
  add("operator", wiring.operator_orders);
  add("stop", wiring.stop);
  add("joints", wiring.joints);
  if (!wiring.range.topic.empty()) json["range"] = TopicJson(wiring.range);
  json["commands"] = {{"topic", wiring.commands},
                      {"type", wiring.command_type},
                      {"frame_id", wiring.frame_id},
                      {"duration_ms", wiring.command_duration_ms}};
  return JsonString(json, 2);
}

Wiring ProposeWiring(const Settings& settings, const PolicyFeatures& policy) {
  Wiring wiring;
  const auto cameras =
      std::ranges::count_if(settings.sensors, [](const SensorSettings& sensor) { return sensor.image; });
  for (const SensorSettings& sensor : settings.sensors) {
    if (sensor.image) {
      const std::string name = cameras == 1 ? "camera" : LastPart(sensor.feature);
      wiring.sensors[sensor.feature] = {"/" + name + "/image_raw", std::string(msg::Image::kType), {}};
      continue;
    }
    SensorTopic topic{"/joint_states", std::string(msg::JointState::kType), {}};
    for (const Feature& input : policy.inputs) {
      if (input.name == sensor.feature) topic.names = input.names;
    }
    wiring.sensors[sensor.feature] = topic;
  }
  for (const Feature& input : policy.inputs) {
    if (input.type == FeatureType::kText) wiring.task = "/vlaq/task";
  }
  wiring.operator_orders = "/vlaq/operator";
  const bool positions =
      std::ranges::any_of(settings.axes, [](const Axis& axis) { return axis.kind == AxisKind::kPosition; });
  if (positions) {
    wiring.joints = "/joint_states";
    wiring.commands = "/joint_trajectory_controller/joint_trajectory";
    wiring.command_type = std::string(msg::JointTrajectory::kType);
    wiring.frame_id = "";
    wiring.command_duration_ms = 2 * settings.timing.control_period_ms;
  }
  return wiring;
}

}  // namespace vlaq::robot::ros2
