#include "quantization/statistics_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/version.h"

namespace vlaq::quantization {
namespace {

constexpr std::string_view kStatisticsSchema = "vlaq.statistics/1";
constexpr std::array kHalfNames = {"first_half", "second_half"};

// Members that must be there. Each remembers the first thing that is wrong, so that reading stays a list of keys.
class Reader {
 public:
  Reader(const Json& object, const std::string& where) : reader_(object, where) {
    if (!object.is_object()) Fail(InputError(where, "is not a JSON object"));
  }

  int64_t Count(std::string_view key) {
    const auto value = Take(key, reader_.Integer(key), int64_t{0});
    if (value < 0) Fail(InputError(reader_.where(), fmt::format("\"{}\" is negative", key)));
    return value;
  }
  double Number(std::string_view key) {
    const double value = Take(key, reader_.Number(key), 0.0);
    if (!std::isfinite(value)) Fail(InputError(reader_.where(), fmt::format("\"{}\" is not finite", key)));
    return value;
  }
  std::string Text(std::string_view key) { return Take(key, reader_.String(key), std::string()); }
  // "key": [low, high]
  Range Pair(std::string_view key) {
    const std::vector<double> values = Take(key, reader_.Numbers(key), std::vector<double>());
    if (values.size() == 2 && values[0] <= values[1]) return {values[0], values[1]};
    Fail(InputError(reader_.where(), fmt::format("\"{}\" must be a least and a greatest number", key)));
    return {};
  }
  // Absent: empty.
  std::vector<float> Floats(std::string_view key) {
    const std::vector<double> values =
        reader_.Has(key) ? Take(key, reader_.Numbers(key), std::vector<double>()) : std::vector<double>();
    std::vector<float> floats;
    for (const double value : values) {
      if (std::fabs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
        Fail(InputError(reader_.where(), fmt::format("\"{}\" holds what is no float32", key)));
        return {};
      }
      floats.push_back(static_cast<float>(value));
    }
    return floats;
  }
  const Json& Object(std::string_view key) {
    static const Json none = Json::object();
    const Json* found = reader_.Find(key);
    if (found != nullptr && found->is_object()) return *found;
    Fail(InputError(reader_.where(), fmt::format("\"{}\" must be an object", key)));
    return none;
  }
  const Json* Find(std::string_view key) const { return reader_.Find(key); }
  void Fail(Error error) {
    if (status_.ok()) status_ = std::move(error);
  }
  const Status& status() const { return status_; }
  const std::string& where() const { return reader_.where(); }

 private:
  template <typename T>
  T Take(std::string_view key, Result<std::optional<T>> value, T otherwise) {
    if (!value.ok()) {
      Fail(value.error());
    } else if (!value->has_value()) {
      Fail(InputError(reader_.where(), fmt::format("\"{}\" is missing", key)));
    } else {
      return std::move(**value);
    }
    return otherwise;
  }

  JsonReader reader_;
  Status status_;
};

Json FloatsToJson(const std::vector<float>& values) {
  Json list = Json::array();
  // As the shortest text that is this float again, not the longer one of the same number as a double.
  for (const float value : values) list.push_back(std::stod(fmt::format("{}", value)));
  return list;
}

Json ToJson(const ValueStatistics& value) {
  Json json = {{"count", value.count},
               {"minimum", value.minimum},
               {"maximum", value.maximum},
               {"sum", value.sum},
               {"sum_of_squares", value.sum_of_squares},
               {"drift", value.drift}};
  for (size_t i = 0; i < kHalfNames.size(); ++i) json[kHalfNames[i]] = {value.halves[i].low, value.halves[i].high};
  if (!value.histogram.empty()) json["histogram"] = ToJson(value.histogram);
  if (value.channel_absmax.empty()) return json;
  json["channel_absmax"] = FloatsToJson(value.channel_absmax);
  json["channel_mean"] = FloatsToJson(value.channel_mean);
  return json;
}

Result<ValueStatistics> ValueFromJson(const Json& json, const std::string& where) {
  Reader reader(json, where);
  ValueStatistics value;
  value.count = reader.Count("count");
  value.minimum = reader.Number("minimum");
  value.maximum = reader.Number("maximum");
  value.sum = reader.Number("sum");
  value.sum_of_squares = reader.Number("sum_of_squares");
  value.drift = reader.Number("drift");
  for (size_t i = 0; i < kHalfNames.size(); ++i) value.halves[i] = reader.Pair(kHalfNames[i]);
  value.channel_absmax = reader.Floats("channel_absmax");
  value.channel_mean = reader.Floats("channel_mean");
  if (value.minimum > value.maximum) reader.Fail(InputError(where, "\"minimum\" is above \"maximum\""));
  if (value.channel_absmax.size() != value.channel_mean.size()) {
    reader.Fail(InputError(where, "\"channel_absmax\" and \"channel_mean\" differ in length"));
  }
  if (!reader.status().ok()) return reader.status().error();
  if (const Json* histogram = reader.Find("histogram")) {
    VLAQ_ASSIGN_OR_RETURN(value.histogram, HistogramFromJson(*histogram, where + ": histogram"));
    if (value.histogram.count() != static_cast<uint64_t>(value.count)) {
      return InputError(
          where, fmt::format("the histogram holds {} values, \"count\" is {}", value.histogram.count(), value.count));
    }
  }
  return value;
}

Json SourceToJson(const PlanSource& source) {
  Json graphs = Json::object();
  for (const auto& [role, hash] : source.graphs) graphs[role] = hash;
  return {{"weights_sha256", source.weights_sha256}, {"graphs", std::move(graphs)}};
}

Result<PlanSource> SourceFromJson(const Json& json, const std::string& where) {
  Reader reader(json, where);
  PlanSource source;
  source.weights_sha256 = reader.Text("weights_sha256");
  for (const auto& [role, hash] : reader.Object("graphs").items()) {
    if (!hash.is_string()) return InputError(where, fmt::format("graph '{}' must have a SHA-256", role));
    source.graphs[role] = hash.get<std::string>();
  }
  if (!reader.status().ok()) return reader.status().error();
  return source;
}

Result<std::vector<CalibrationEpisode>> EpisodesFromJson(const Json* json, const std::string& where) {
  if (json == nullptr || !json->is_array()) return InputError(where, "\"episodes\" must be a list");
  std::vector<CalibrationEpisode> episodes;
  for (const Json& item : *json) {
    Reader reader(item, fmt::format("{}: episodes[{}]", where, episodes.size()));
    episodes.push_back({reader.Text("name"), reader.Text("sha256")});
    if (!reader.status().ok()) return reader.status().error();
  }
  return episodes;
}

}  // namespace

Json ToJson(const Histogram& histogram) {
  const auto counts = histogram.counts();
  const auto begin = std::find_if(counts.begin(), counts.end(), [](uint64_t count) { return count > 0; });
  Json list = Json::array();
  int64_t empty = 0;
  for (auto at = begin; at != counts.end(); ++at) {
    if (*at == 0) {
      ++empty;
      continue;
    }
    if (empty > 0) list.push_back(-std::exchange(empty, 0));
    list.push_back(*at);
  }
  return {{"exponent", histogram.exponent()}, {"first", begin - counts.begin() - Histogram::kHalf}, {"counts", list}};
}

Result<Histogram> HistogramFromJson(const Json& json, const std::string& where) {
  const JsonReader reader(json, where);
  VLAQ_ASSIGN_OR_RETURN(const auto exponent, reader.Integer("exponent"));
  VLAQ_ASSIGN_OR_RETURN(const auto first, reader.Integer("first"));
  VLAQ_ASSIGN_OR_RETURN(const auto packed, reader.Integers("counts"));
  if (!exponent || !first || !packed) return InputError(where, "needs \"exponent\", \"first\" and \"counts\"");
  if (!Histogram::ValidExponent(*exponent)) {
    return InputError(where, fmt::format("\"exponent\" {} is out of range", *exponent));
  }
  const Error too_long = InputError(where, fmt::format("\"counts\" reach beyond the {} bins", Histogram::kBins));
  if (*first < -Histogram::kHalf || *first > Histogram::kHalf) return too_long;
  const auto room = static_cast<uint64_t>(Histogram::kHalf - *first);
  std::vector<uint64_t> counts;
  uint64_t total = 0;
  for (const int64_t item : *packed) {
    const uint64_t bins = item < 0 ? 0 - static_cast<uint64_t>(item) : 1;
    if (bins > room - counts.size()) return too_long;
    counts.resize(counts.size() + bins);
    if (item <= 0) continue;
    counts.back() = static_cast<uint64_t>(item);
    const auto sum = CheckedAdd(total, counts.back());
    if (!sum) return InputError(where, "\"counts\" are too large");
    total = *sum;
  }
  return Histogram::From(static_cast<int>(*exponent), *first, counts);
}

std::string StatisticsText(const ActivationStatistics& statistics) {
  Json episodes = Json::array();
  for (const CalibrationEpisode& episode : statistics.episodes) {
    episodes.push_back({{"name", episode.name}, {"sha256", episode.hash}});
  }
  const Json head = {
      {"schema", kStatisticsSchema},   {"vlaq_version", kVersion},      {"source", SourceToJson(statistics.source)},
      {"samples", statistics.samples}, {"windows", statistics.windows}, {"seed", statistics.seed},
      {"batch", statistics.batch},     {"runs_on", statistics.runs_on}, {"episodes", std::move(episodes)}};
  std::string text = "{\n";
  for (const auto& [key, value] : head.items()) text += fmt::format(" {}: {},\n", JsonString(key), JsonString(value));
  text += " \"values\": {";
  const char* separator = "\n";
  for (const auto& [name, value] : statistics.values) {
    text += fmt::format("{}  {}: {}", separator, JsonString(name), JsonString(ToJson(value)));
    separator = ",\n";
  }
  return text + "\n }\n}\n";
}

Result<ActivationStatistics> ParseStatistics(std::string_view text, const std::string& where) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, where));
  Reader reader(json, where);
  if (const std::string schema = reader.Text("schema"); reader.status().ok() && schema != kStatisticsSchema) {
    return InputError(where, fmt::format("\"schema\" is '{}', not '{}'", schema, kStatisticsSchema),
                      "this is not what `vlaq calibrate` writes");
  }
  ActivationStatistics statistics;
  statistics.samples = reader.Count("samples");
  statistics.windows = reader.Count("windows");
  statistics.batch = reader.Count("batch");
  statistics.runs_on = reader.Text("runs_on");
  const Json* seed = reader.Find("seed");
  if (seed == nullptr || !seed->is_number_unsigned()) {
    reader.Fail(InputError(where, "\"seed\" must be an integer from 0"));
  } else {
    statistics.seed = seed->get<uint64_t>();
  }
  const Json& source = reader.Object("source");
  const Json& values = reader.Object("values");
  if (!reader.status().ok()) return reader.status().error();
  VLAQ_ASSIGN_OR_RETURN(statistics.source, SourceFromJson(source, where + ": source"));
  VLAQ_ASSIGN_OR_RETURN(statistics.episodes, EpisodesFromJson(reader.Find("episodes"), where));
  for (const auto& [name, value] : values.items()) {
    VLAQ_ASSIGN_OR_RETURN(statistics.values[name], ValueFromJson(value, fmt::format("{}: value '{}'", where, name)));
  }
  return statistics;
}

Result<ActivationStatistics> ReadStatistics(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseStatistics(AsText(file->bytes()), path.string());
}

}  // namespace vlaq::quantization
