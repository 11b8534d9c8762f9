#include <array>
#include <cmath>

#include "base/json.h"
#include "base/names.h"
#include "robot/settings.h"

namespace vlaq::robot {
namespace {

constexpr std::array kChunkRules{Named{ChunkRule::kReplace, "replace"},
                                 Named{ChunkRule::kReplaceAligned, "replace_aligned"},
                                 Named{ChunkRule::kFirstOnly, "first_only"}, Named{ChunkRule::kExhaust, "exhaust"},
                                 Named{ChunkRule::kMerge, "merge"}};
constexpr std::array kMerges{Named{Merge::kWeighted, "weighted"}, Named{Merge::kLatest, "latest"},
                             Named{Merge::kAverage, "average"}};
constexpr std::array kOnEmpty{Named{OnEmpty::kHold, "hold"}, Named{OnEmpty::kStop, "stop"},
                              Named{OnEmpty::kRamp, "ramp"}};
constexpr std::array kAxisKinds{Named{AxisKind::kVelocity, "velocity"}, Named{AxisKind::kPosition, "position"}};

// Every member of a part of the settings with its key, told once for reading and for writing.
template <typename Visit, typename Timing>
void VisitTiming(Visit&& visit, Timing& timing) {
  visit("control_period_ms", timing.control_period_ms);
  visit("inference_period_ms", timing.inference_period_ms);
  visit("action_period_ms", timing.action_period_ms);
  visit("expected_latency_ms", timing.expected_latency_ms);
  visit("fill_period_ms", timing.fill_period_ms);
  visit("warmup_steps", timing.warmup_steps);
  visit("ramp_ms", timing.ramp_ms);
  visit("merge_new_weight", timing.merge_new_weight);
  visit("refill_at", timing.refill_at);
}
template <typename Visit, typename Safety>
void VisitSafety(Visit&& visit, Safety& safety) {
  visit("command_timeout_ms", safety.command_timeout_ms);
  visit("max_observation_age_ms", safety.max_observation_age_ms);
  visit("inference_timeout_ms", safety.inference_timeout_ms);
  visit("range_required", safety.range_required);
  visit("range_stop_m", safety.range_stop_m);
  visit("range_timeout_ms", safety.range_timeout_ms);
  visit("operator_required", safety.operator_required);
  visit("peer_required", safety.peer_required);
}
template <typename Visit, typename Sensor>
void VisitSensor(Visit&& visit, Sensor& sensor) {
  visit("image", sensor.image);
  visit("refuse_frozen", sensor.refuse_frozen);
  visit("refuse_blank", sensor.refuse_blank);
  visit("refuse_resized", sensor.refuse_resized);
}
template <typename Visit, typename AnyAxis>
void VisitAxis(Visit&& visit, AnyAxis& axis) {
  visit("from", axis.from);
  visit("to", axis.to);
  visit("scale", axis.scale);
  visit("offset", axis.offset);
  visit("min", axis.min);
  visit("max", axis.max);
  visit("max_rate", axis.max_rate);
  visit("unit", axis.unit);
}

// Reads what is there, and notes the keys that there may be.
struct Reader {
  const JsonField& object;
  std::vector<std::string>& known;
  template <typename T>
  void operator()(const char* key, T& to) const {
    known.emplace_back(key);
    object.Read(key, to);
  }
};
// Infinity, which JSON cannot say, is left out: it is what an absent limit means.
struct Writer {
  Json& object;
  template <typename T>
  void operator()(const char* key, const T& value) const {
    if constexpr (std::is_same_v<T, double>) {
      if (!std::isfinite(value)) return;
    }
    object[key] = value;
  }
};

void ReadTiming(const JsonField& object, TimingSettings& timing) {
  std::vector<std::string> known{"chunk_rule", "on_empty", "merge"};
  VisitTiming(Reader{object, known}, timing);
  object.ReadName("chunk_rule", FindChunkRule, NamesIn(kChunkRules), timing.chunk_rule);
  object.ReadName("merge", FindMerge, NamesIn(kMerges), timing.merge);
  if (object.Has("on_empty")) object.ReadName("on_empty", FindOnEmpty, NamesIn(kOnEmpty), timing.on_empty.emplace());
  object.Only(known, "timing");
}

void ReadAxis(const JsonField& object, Axis& axis) {
  std::vector<std::string> known{"kind"};
  VisitAxis(Reader{object, known}, axis);
  object.ReadName("kind", FindAxisKind, NamesIn(kAxisKinds), axis.kind);
  object.Only(known, "an axis");
}

void ReadSensor(const JsonField& object, SensorSettings& sensor) {
  std::vector<std::string> known{"input"};
  VisitSensor(Reader{object, known}, sensor);
  object.Need("input", sensor.feature);
  object.Only(known, "a sensor");
}

template <typename T>
void ReadList(const JsonField& file, std::string_view key, void (*read)(const JsonField&, T&), std::vector<T>& to) {
  const auto list = file.Find(key);
  if (!list) return;
  to.clear();
  for (const JsonField& item : list->Items()) read(item, to.emplace_back());
}

}  // namespace

std::string_view Name(ChunkRule rule) { return NameIn(kChunkRules, rule); }
std::string_view Name(Merge merge) { return NameIn(kMerges, merge); }
std::string_view Name(OnEmpty on_empty) { return NameIn(kOnEmpty, on_empty); }
std::string_view Name(AxisKind kind) { return NameIn(kAxisKinds, kind); }
std::optional<ChunkRule> FindChunkRule(std::string_view name) { return FindIn(kChunkRules, name); }
std::optional<Merge> FindMerge(std::string_view name) { return FindIn(kMerges, name); }
std::optional<OnEmpty> FindOnEmpty(std::string_view name) { return FindIn(kOnEmpty, name); }
std::optional<AxisKind> FindAxisKind(std::string_view name) { return FindIn(kAxisKinds, name); }

void ReadSettings(const JsonField& file, Settings& settings) {
  if (const auto timing = file.Find("timing")) ReadTiming(*timing, settings.timing);
  if (const auto safety = file.Find("safety")) {
    std::vector<std::string> known;
    VisitSafety(Reader{*safety, known}, settings.safety);
    safety->Only(known, "safety");
  }
  ReadList(file, "sensors", ReadSensor, settings.sensors);
  ReadList(file, "axes", ReadAxis, settings.axes);
}

void WriteSettings(const Settings& settings, Json& document) {
  Json& timing = document["timing"] = Json::object();
  timing["chunk_rule"] = Name(settings.timing.chunk_rule);
  if (settings.timing.on_empty) timing["on_empty"] = Name(*settings.timing.on_empty);
  timing["merge"] = Name(settings.timing.merge);
  VisitTiming(Writer{timing}, settings.timing);
  VisitSafety(Writer{document["safety"] = Json::object()}, settings.safety);
  Json& sensors = document["sensors"] = Json::array();
  for (const SensorSettings& sensor : settings.sensors) {
    Json& item = sensors.emplace_back(Json{{"input", sensor.feature}});
    VisitSensor(Writer{item}, sensor);
  }
  Json& axes = document["axes"] = Json::array();
  for (const Axis& axis : settings.axes) {
    Json& item = axes.emplace_back(Json::object());
    item["kind"] = Name(axis.kind);
    VisitAxis(Writer{item}, axis);
  }
}

}  // namespace vlaq::robot
