#include "deployment/results.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "base/output.h"
#include "base/statistics.h"
#include "bundle/bundle.h"
#include "engine/measure.h"

namespace vlaq::deployment {
namespace {

using engine::BoardReading;

constexpr std::string_view kSchema = "vlaq.jetson/1";

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return NearestRank(values, p);
}

// The mean of a reading; nothing if the board does not say it.
void AddMean(const std::vector<BoardReading>& readings, std::optional<double> BoardReading::*what, const char* key,
             Json& entry) {
  std::vector<double> values;
  for (const BoardReading& reading : readings) {
    if (reading.*what) values.push_back(*(reading.*what));
  }
  if (!values.empty()) entry[key] = Mean(values);
}

Json JetsonEntry(const PlannedEngine& e, const engine::Timing& timing) {
  const auto& times = timing.times;
  const double mean_ms = Mean(times.latency);
  Json entry{{"measured", true},
             {"avg_time_ms", mean_ms},
             {"median_ms", Percentile(times.latency, 0.5)},
             {"p90_ms", Percentile(times.latency, 0.9)},
             {"gpu_ms", Mean(times.compute)},
             {"fps", 1e3 / mean_ms},
             {"runs", times.latency.size()},
             {"size_mb", static_cast<double>(e.built.bytes) / 1e6},
             {"process_mb", static_cast<double>(timing.peak_resident_bytes) / 1e6}};
  if (timing.log.managed_mib) entry["memory_mb"] = *timing.log.managed_mib * 1.048576;
  AddMean(timing.readings, &BoardReading::input_w, "power_w", entry);
  AddMean(timing.readings, &BoardReading::gpu_mhz, "gpu_mhz", entry);
  AddMean(timing.readings, &BoardReading::memory_mhz, "memory_mhz", entry);
  AddMean(timing.readings, &BoardReading::gpu_c, "gpu_c", entry);
  if (!timing.log.warnings.empty()) entry["warnings"] = timing.log.warnings;
  return entry;
}

Json JetsonMeanings() {
  return {
      {"avg_time_ms", "mean of the runs of the whole window, copies to and from the device included"},
      {"gpu_ms", "mean without the copies"},
      {"fps", "runs a second, one after the other: 1000 / avg_time_ms"},
      {"size_mb", "the engine, in 10^6 bytes"},
      {"memory_mb", "weights and activations, as TensorRT says, in 10^6 bytes"},
      {"process_mb", "most memory of trtexec's process that was resident, in 10^6 bytes"},
      {"power_w", "mean of the board's input (INA3221) while inference ran; clocks and temperature likewise"},
      {"mae",
       "mean absolute difference of the actions, as the network gives them, from the fp32 bundle's on the same windows "
       "of frames"},
      {"compared",
       "those windows, spread evenly over the frames; frames_sha256 is of the frames in them, in order: "
       "WIDTHxHEIGHT, a line feed, 8-bit RGB row by row"},
      {"estimate", "not measured: what vlaq plan device expects"}};
}

bool Says(const Json& json, const char* key, const Json& value) {
  return json.is_object() && json.contains(key) && json[key] == value;
}

bool Holds(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::vector<std::string> Missing(const std::vector<std::string>& from, const std::vector<std::string>& wanted) {
  std::vector<std::string> missing;
  for (const std::string& name : wanted) {
    if (!Holds(from, name)) missing.push_back(name);
  }
  return missing;
}

}  // namespace

std::filesystem::path ResultsPath(const std::filesystem::path& engine_folder) {
  return engine_folder / "jetson_tensorrt_results.json";
}

std::optional<EarlierResults> ReadEarlierResults(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  EarlierResults earlier;
  const auto json = ReadJsonFile(path);
  if (!json.ok() || !json->is_object()) return earlier;
  earlier.ours = Says(*json, "schema", kSchema);
  for (const auto& [name, entry] : json->items()) {
    if (Says(entry, "measured", true)) earlier.engines.push_back(name);
  }
  earlier.measured = Says(*json, "measured", true) || !earlier.engines.empty();
  return earlier;
}

Status CheckEarlierResults(const std::filesystem::path& path, const std::vector<std::string>& engines,
                           const std::vector<std::string>& why_not, bool replace) {
  const auto earlier = ReadEarlierResults(path);
  if (!earlier) return {};
  if (earlier->measured && !why_not.empty()) {
    return Error{ErrorCode::kUnstable,
                 fmt::format("holds measured figures, and nothing can be measured here ({})", fmt::join(why_not, "; ")),
                 path.string(), "run it on the board, give another --engine-dir, or move the file away"};
  }
  if (replace) return {};
  if (!earlier->ours) {
    return UsageError(fmt::format("{} already exists, and vlaq did not write it", path.string()),
                      "move it away, or --force to replace it");
  }
  if (const auto lost = Missing(engines, earlier->engines); !lost.empty()) {
    return UsageError(fmt::format("{} holds measured figures of {}, which this run does not measure", path.string(),
                                  fmt::join(lost, ", ")),
                      "name their bundles and --parts, too; or --force to replace the file");
  }
  return {};
}

bool EarlierResultsStay(const std::optional<EarlierResults>& earlier, const std::vector<std::string>& measured,
                        bool replace) {
  if (!earlier || !earlier->measured) return false;
  return measured.empty() || (!replace && !Missing(measured, earlier->engines).empty());
}

Result<Json> ReadEstimate(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(Json json, ReadJsonFile(path));
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord file, bundle::Describe(path));
  return Json{{"measured", false}, {"from", file.file}, {"sha256", file.sha256}, {"content", std::move(json)}};
}

Measured MeasureEngines(const Engines& engines, const engine::Builder& builder, const engine::Board& board,
                        Reference* reference, const MeasureOptions& options, Log& log) {
  Json document{{"schema", kSchema}};
  if (!board.model.empty()) document["device"] = board.model;
  if (!board.release.empty()) document["release"] = board.release;
  if (board.power_mode) document["nvpmodel"] = *board.power_mode;
  document["tensorrt"] = builder.version.ToString();
  document["trtexec_sha256"] = builder.tool.sha256;
  if (reference != nullptr) document["compared"] = reference->ToJson();
  std::vector<std::string> why, measured;
  Measured result;  // with the first failure; what the other engines say must not be lost for it
  const auto note = [&](const Error& error) {
    log.Warning(error.ToString());
    if (result.outcome.ok()) result.outcome = error;
  };
  for (const PlannedEngine& e : engines) {
    const std::string name = ResultName(e);
    Json& entry = document[name];
    const auto timing = engine::TimeEngine(e.plan, builder, options.seconds, options.timeout_s, "/");
    // The one way to the word "measured": figures of anything else are dropped here.
    const std::vector<std::string> why_not = timing.ok() ? engine::WhyNotMeasured(board, builder.tool, timing->log)
                                                         : std::vector<std::string>{timing.error().ToString()};
    if (why_not.empty()) {
      measured.push_back(name);
      entry = JetsonEntry(e, *timing);
    } else {
      entry = {{"measured", false}, {"why", why_not}};
      AddNew(why_not, why);
    }
    entry["engine"] = {{"file", e.plan.file.filename().string()}, {"sha256", e.built.sha256}};
    if (!timing.ok()) {
      note(timing.error());
    } else if (reference != nullptr && MakesActions(e)) {
      const auto mae = reference->Difference(e, builder, options.timeout_s, log);
      if (!mae.ok()) note(mae.error());
      if (why_not.empty() && mae.ok()) entry["mae"] = *mae;
      if (why_not.empty() && !mae.ok()) entry["why_no_mae"] = mae.error().ToString();
    }
  }
  document["measured"] = why.empty();
  if (!options.estimate.is_null()) document["estimate"] = options.estimate;
  document["meaning"] = JetsonMeanings();
  std::filesystem::path path = ResultsPath(options.folder);
  if (EarlierResultsStay(ReadEarlierResults(path), measured, options.replace)) {
    log.Warning(
        fmt::format("{} holds measured figures that this run could not renew, and stays as it is", path.string()));
    path.replace_extension(".incomplete.json");
  }
  if (auto written = WriteFile(path, JsonString(document, 1) + "\n", Existing::kReplace); !written.ok()) {
    result.outcome = std::move(written);
    return result;
  }
  result.written = path;
  if (!result.outcome.ok() || why.empty()) return result;
  result.outcome = Error{
      ErrorCode::kUnstable,
      fmt::format("{} measured: {}", measured.empty() ? "nothing was" : "not all of it was", fmt::join(why, "; ")),
      path.string(), "run it on the board, with the board's own trtexec"};
  return result;
}

}  // namespace vlaq::deployment
