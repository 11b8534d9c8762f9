#include "robot/record/messages.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/json_field.h"
#include "tensor/tensor.h"

namespace vlaq::robot::record {
namespace {

// Where errors say that they are.
constexpr std::string_view kTickWhere = "/vlaq/tick", kObservationWhere = "/vlaq/observation",
                           kChunkWhere = "/vlaq/chunk", kAboutWhere = "/vlaq/about";
constexpr int64_t kMostSteps = 100'000;  // of a chunk; no policy has nearly as many
constexpr double kInf = std::numeric_limits<double>::infinity();

// JSON has no word for what is no number; nlohmann writes the others so that they are read as they were.
Json NumberJson(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
double NumberOf(const JsonField& field) {
  if (!field.IsText()) return field.Number();
  const std::string text = field.Text();
  if (text == "inf") return kInf;
  if (text == "-inf") return -kInf;
  if (text != "nan") field.Fail("is no number");
  return std::numeric_limits<double>::quiet_NaN();
}

// Of float32 and float64, as adapters give them.
Json ValuesJson(const Tensor& value) {
  Json values = Json::array();
  if (value.dtype() == DType::kF32) {
    for (const float number : value.data<float>()) values.push_back(NumberJson(static_cast<double>(number)));
  } else if (value.dtype() == DType::kF64) {
    for (const double number : value.data<double>()) values.push_back(NumberJson(number));
  }
  return values;
}

Json DueJson(const ChunkPlayer::Due& due) {
  return {{"due", due.due}, {"any", due.any}, {"chunk", due.chunk}, {"index", due.index}};
}

Json WorldJson(const WorldFacts& world, const Settings& settings) {
  Json usable = Json::array(), measured = Json::array();
  for (size_t i = 0; i < settings.sensors.size(); ++i) usable.push_back(world.usable_at[i]);
  for (size_t i = 0; i < settings.axes.size(); ++i) measured.push_back(NumberJson(world.measured[i]));
  return {{"usable_at", std::move(usable)},         {"noted", world.noted.bits()},
          {"range_m", NumberJson(world.range_m)},   {"range_at", world.range_at},
          {"measured", std::move(measured)},        {"measured_axes", world.measured_axes},
          {"operator_there", world.operator_there}, {"commands_taken", world.commands_taken},
          {"orders", world.orders.bits()}};
}

template <typename Items, typename Take>
void ReadList(const JsonField& list, const Items& expected, Take take) {
  const auto items = list.Items();
  if (items.size() != expected.size()) return list.Fail("has another length than the settings say");
  for (size_t i = 0; i < items.size(); ++i) take(i, items[i]);
}

WorldFacts WorldOf(const JsonField& field, const Settings& settings) {
  WorldFacts world;
  ReadList(field["usable_at"], settings.sensors,
           [&](size_t i, const JsonField& item) { world.usable_at[i] = item.Integer(); });
  ReadList(field["measured"], settings.axes,
           [&](size_t i, const JsonField& item) { world.measured[i] = NumberOf(item); });
  world.noted = ReasonSet::FromBits(static_cast<uint32_t>(field["noted"].Integer(0, UINT32_MAX)));
  world.range_m = NumberOf(field["range_m"]);
  field.Need("range_at", world.range_at);
  field.Need("measured_axes", world.measured_axes);
  field.Need("operator_there", world.operator_there);
  field.Need("commands_taken", world.commands_taken);
  world.orders = Orders::FromBits(static_cast<uint8_t>(field["orders"].Integer(0, UINT8_MAX)));
  return world;
}

TickInput InputOf(const JsonField& field, const Settings& settings) {
  TickInput input;
  field.Need("now", input.now);
  field.Need("nominal", input.nominal);
  field.Need("shutdown", input.shutdown);
  field.Need("chunk", input.chunk);
  input.world = WorldOf(field["world"], settings);
  const JsonField inference = field["inference"];
  inference.Need("running_since", input.inference.running_since);
  inference.Need("completed", input.inference.completed);
  inference.Need("failed", input.inference.failed);
  inference.Need("gone", input.inference.gone);
  return input;
}

State StateOf(const JsonField& field) {
  const auto state = FindState(field.Text());
  if (!state) field.Fail("is no state");
  return state.value_or(State::kDisarmed);
}

}  // namespace

std::string TickText(const Ticked& ticked, const Settings& settings) {
  const TickInput& input = ticked.input;
  const TickOutput& output = ticked.output;
  Json command = Json::object();
  for (size_t i = 0; i < settings.axes.size(); ++i)
    command[settings.axes[i].from] = NumberJson(output.command.values[i]);
  const Json json{{"state", Name(output.state)},
                  {"reasons", output.reasons.ToString()},
                  {"command", std::move(command)},
                  {"silent", output.command.silent},
                  {"ready", output.ready},
                  {"action", DueJson(output.action)},
                  {"observation_age_ms", ToMs(output.observation_age)},
                  {"action_age_ms", ToMs(output.action_age)},
                  {"reason_bits", output.reasons.bits()},
                  {"input",
                   {{"now", input.now},
                    {"nominal", input.nominal},
                    {"shutdown", input.shutdown},
                    {"chunk", input.chunk},
                    {"world", WorldJson(input.world, settings)},
                    {"inference",
                     {{"running_since", input.inference.running_since},
                      {"completed", input.inference.completed},
                      {"failed", input.inference.failed},
                      {"gone", input.inference.gone}}}}}};
  return JsonString(json);
}

Result<Ticked> ParseTick(std::string_view text, const Settings& settings) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kTickWhere));
  const JsonField field(json, std::string(kTickWhere));
  Ticked ticked;
  ticked.input = InputOf(field["input"], settings);
  TickOutput& output = ticked.output;
  output.state = StateOf(field["state"]);
  output.reasons = ReasonSet::FromBits(static_cast<uint32_t>(field["reason_bits"].Integer(0, UINT32_MAX)));
  field.Need("silent", output.command.silent);
  field.Need("ready", output.ready);
  output.command.size = static_cast<uint32_t>(settings.axes.size());
  const JsonField command = field["command"];
  for (size_t i = 0; i < settings.axes.size(); ++i) output.command.values[i] = NumberOf(command[settings.axes[i].from]);
  VLAQ_RETURN_IF_ERROR(field.status());
  return ticked;
}

std::string ObservationText(const Inferred& inferred, const Settings& settings) {
  const Sighting& sighting = *inferred.sighting;
  Json sensors = Json::array();
  for (size_t i = 0; i < settings.sensors.size(); ++i) {
    const SensorSettings& sensor = settings.sensors[i];
    const Tensor& value = sighting.values.at(sensor.feature);
    Json item{{"input", sensor.feature}, {"number", sighting.numbers[i]}, {"stamp", sighting.stamps[i]}};
    if (!sensor.image) {
      item["dtype"] = DTypeName(value.dtype());
      item["shape"] = value.shape();
      item["values"] = ValuesJson(value);
    }
    sensors.push_back(std::move(item));
  }
  const Json json{{"task", sighting.task},         {"begins", inferred.begins},    {"played", inferred.played},
                  {"oldest", sighting.oldest},     {"newest", sighting.newest},    {"started", inferred.started},
                  {"finished", inferred.finished}, {"sensors", std::move(sensors)}};
  return JsonString(json);
}

Result<Seen> ParseObservation(std::string_view text) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kObservationWhere));
  const JsonField field(json, std::string(kObservationWhere));
  Seen seen;
  field.Need("task", seen.task);
  field.Need("begins", seen.begins);
  field.Need("played", seen.played);
  field.Need("oldest", seen.oldest);
  field.Need("newest", seen.newest);
  for (const JsonField& sensor : field["sensors"].Items()) {
    if (!sensor.Has("values")) continue;
    const auto dtype = FindDType(sensor["dtype"].Text());
    const Shape shape = sensor["shape"].Integers();
    std::vector<double> values;
    for (const JsonField& value : sensor["values"].Items()) values.push_back(NumberOf(value));
    if (!dtype || (*dtype != DType::kF32 && *dtype != DType::kF64) ||
        ElementCount(shape) != static_cast<int64_t>(values.size())) {
      sensor.Fail("are no values of their type and shape");
      break;
    }
    Tensor value = Tensor::Make(*dtype, shape);
    if (*dtype == DType::kF64) {
      std::ranges::copy(values, value.mutable_data<double>().begin());
    } else {
      std::ranges::transform(values, value.mutable_data<float>().begin(),
                             [](double number) { return static_cast<float>(number); });
    }
    seen.numbers.emplace(sensor["input"].Text(), std::move(value));
  }
  VLAQ_RETURN_IF_ERROR(field.status());
  return seen;
}

std::string ChunkText(const Inferred& inferred, const Settings& settings) {
  Json json{{"id", -1}, {"played", inferred.played}, {"error", inferred.error}};
  if (inferred.chunk != nullptr) {
    const Chunk& chunk = *inferred.chunk;
    Json values = Json::array();
    for (size_t i = 0; i < chunk.steps * settings.axes.size(); ++i) values.push_back(NumberJson(chunk.values[i]));
    json["id"] = chunk.id;
    json["observed"] = chunk.observed;
    json["took"] = chunk.took;
    json["steps"] = chunk.steps;
    json["values"] = std::move(values);
  }
  return JsonString(json);
}

Result<Computed> ParseChunk(std::string_view text, const Settings& settings) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kChunkWhere));
  const JsonField field(json, std::string(kChunkWhere));
  Computed computed;
  field.Need("id", computed.chunk.id);
  field.Need("error", computed.error);
  field.Need("played", computed.played);
  if (computed.chunk.id >= 0) {
    field.Need("observed", computed.chunk.observed);
    field.Need("took", computed.chunk.took);
    computed.chunk.steps = field["steps"].Count();
    for (const JsonField& value : field["values"].Items()) computed.chunk.values.push_back(NumberOf(value));
    // Compared without a product, which a hostile file could make overflow.
    if (computed.chunk.values.size() % settings.axes.size() != 0 ||
        computed.chunk.values.size() / settings.axes.size() != computed.chunk.steps) {
      field.FailAt("values", "are not as many as steps and axes say");
    }
  }
  VLAQ_RETURN_IF_ERROR(field.status());
  return computed;
}

std::string TickSchema(const Settings& settings) {
  const auto number = [](std::string_view type) { return Json{{"type", type}}; };
  Json command = Json::object();
  for (const Axis& axis : settings.axes) command[axis.from] = number("number");
  const Json schema{{"title", "vlaq.Tick"},
                    {"type", "object"},
                    {"properties",
                     {{"state", number("string")},
                      {"reasons", number("string")},
                      {"command", {{"type", "object"}, {"properties", std::move(command)}}},
                      {"ready", number("boolean")},
                      {"observation_age_ms", number("number")},
                      {"action_age_ms", number("number")}}}};
  return JsonString(schema);
}

std::string AboutText(const About& about) {
  Json json{{"about", about.about}, {"max_steps", about.max_steps}};
  WriteSettings(about.settings, json);
  return JsonString(json);
}

Result<About> ParseAbout(std::string_view text) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kAboutWhere));
  const JsonField field(json, std::string(kAboutWhere));
  About about;
  ReadSettings(field, about.settings);
  about.about = field["about"].TextByKey();
  about.max_steps = static_cast<size_t>(field["max_steps"].Integer(1, kMostSteps));
  VLAQ_RETURN_IF_ERROR(field.status());
  return about;
}

std::string AnySchema(std::string_view title) { return JsonString(Json{{"title", title}, {"type", "object"}}); }

}  // namespace vlaq::robot::record
