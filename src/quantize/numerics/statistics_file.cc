#include "quantize/numerics/statistics_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/json_field.h"
#include "base/mapped_file.h"
#include "base/version.h"

namespace vlaq::numerics {
namespace {

constexpr std::string_view kStatisticsSchema = "vlaq.statistics/1";
constexpr std::array kHalfNames = {"first_half", "second_half"};

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

// "key": [low, high]
ClipRange ReadRange(const JsonField& field) {
  const std::vector<double> ends = field.Numbers();
  if (ends.size() == 2 && ends[0] <= ends[1]) return {ends[0], ends[1]};
  field.Fail("must be a least and a greatest number");
  return {};
}

ValueStatistics ReadValue(const JsonField& field) {
  ValueStatistics value;
  value.count = field["count"].Integer(0);
  field.Need("minimum", value.minimum);
  field.Need("maximum", value.maximum);
  field.Need("sum", value.sum);
  field.Need("sum_of_squares", value.sum_of_squares);
  field.Need("drift", value.drift);
  for (size_t i = 0; i < kHalfNames.size(); ++i) value.halves[i] = ReadRange(field[kHalfNames[i]]);
  field.Read("channel_absmax", value.channel_absmax);
  field.Read("channel_mean", value.channel_mean);
  if (value.minimum > value.maximum) field.FailAt("minimum", "is above maximum");
  if (value.channel_absmax.size() != value.channel_mean.size()) {
    field.FailAt("channel_absmax", "and channel_mean differ in length");
  }
  if (const auto histogram = field.Find("histogram")) {
    value.histogram = ReadHistogram(*histogram);
    if (value.histogram.count() != static_cast<uint64_t>(value.count)) {
      histogram->Fail(fmt::format("holds {} values, count is {}", value.histogram.count(), value.count));
    }
  }
  return value;
}

Json SourceToJson(const PlanSource& source) {
  Json graphs = Json::object();
  for (const auto& [role, hash] : source.graphs) graphs[role] = hash;
  return {{"weights_sha256", source.weights_sha256}, {"graphs", std::move(graphs)}};
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

Histogram ReadHistogram(const JsonField& field) {
  const int64_t exponent = field["exponent"].Integer(), first = field["first"].Integer();
  const std::vector<int64_t> packed = field["counts"].Integers();
  if (!field.status().ok()) return {};
  const auto fail = [&field](std::string_view key, const std::string& problem) {
    field.FailAt(key, problem);
    return Histogram();
  };
  if (!Histogram::ValidExponent(exponent)) return fail("exponent", fmt::format("{} is out of range", exponent));
  const std::string too_long = fmt::format("reach beyond the {} bins", Histogram::kBins);
  if (first < -Histogram::kHalf || first > Histogram::kHalf) return fail("counts", too_long);
  const auto room = static_cast<uint64_t>(Histogram::kHalf - first);
  std::vector<uint64_t> counts;
  uint64_t total = 0;
  for (const int64_t item : packed) {
    const uint64_t bins = item < 0 ? 0 - static_cast<uint64_t>(item) : 1;
    if (bins > room - counts.size()) return fail("counts", too_long);
    counts.resize(counts.size() + bins);
    if (item <= 0) continue;
    counts.back() = static_cast<uint64_t>(item);
    const auto sum = CheckedAdd(total, counts.back());
    if (!sum) return fail("counts", "are too large");
    total = *sum;
  }
  return Histogram::From(static_cast<int>(exponent), first, counts);
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
  const JsonField root(json, where);
  root.HasSchema(kStatisticsSchema, "this is not what `vlaq calibrate` writes");
  ActivationStatistics statistics;
  statistics.samples = root["samples"].Integer(0);
  statistics.windows = root["windows"].Integer(0);
  statistics.batch = root["batch"].Integer(0);
  root.Need("runs_on", statistics.runs_on);
  root.Need("seed", statistics.seed);
  const JsonField source = root["source"];
  source.Need("weights_sha256", statistics.source.weights_sha256);
  source.Need("graphs", statistics.source.graphs);
  for (const JsonField& episode : root["episodes"].Items()) {
    statistics.episodes.push_back({episode["name"].Text(), episode["sha256"].Text()});
  }
  for (const auto& [name, value] : root["values"].Members()) statistics.values[name] = ReadValue(value);
  VLAQ_RETURN_IF_ERROR(root.status());
  return statistics;
}

Result<ActivationStatistics> ReadStatistics(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseStatistics(AsText(file->bytes()), path.string());
}

}  // namespace vlaq::numerics
