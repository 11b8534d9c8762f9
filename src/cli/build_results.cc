// jetson_tensorrt_results.json: what the engines do on the board, and nothing that was not measured there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/json.h"
#include "base/text.h"
#include "cli/build_arguments.h"
#include "cli/frame_argument.h"
#include "engine/measure.h"
#include "measuring/inputs.h"
#include "measuring/step.h"

namespace vlaq::cli {
namespace {

using engine::BoardReading;

constexpr std::string_view kResults = "jetson_tensorrt_results.json";

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(values.size())));
  return values[std::max<size_t>(rank, 1) - 1];
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

Json Entry(const NamedEngine& e, const engine::Timing& timing, const std::optional<double>& mae) {
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
  if (mae) entry["mae"] = *mae;
  if (!timing.log.warnings.empty()) entry["warnings"] = timing.log.warnings;
  return entry;
}

Json Meanings() {
  return {{"avg_time_ms", "mean of the runs of the whole window, copies to and from the device included"},
          {"gpu_ms", "mean without the copies"},
          {"fps", "runs a second, one after the other: 1000 / avg_time_ms"},
          {"size_mb", "the engine, in 10^6 bytes"},
          {"memory_mb", "weights and activations, as TensorRT says, in 10^6 bytes"},
          {"process_mb", "most memory of trtexec's process that was resident, in 10^6 bytes"},
          {"power_w", "mean of the board's input while it ran (INA3221)"},
          {"mae", "mean absolute difference of normalised actions from the fp32 bundle's on the same frames"},
          {"estimate", "not measured: what vlaq plan device expects"}};
}

Result<Json> ReadEstimate(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(Json json, ReadJsonFile(path));
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord file, bundle::Describe(path));
  return Json{{"measured", false}, {"from", file.file}, {"sha256", file.sha256}, {"content", std::move(json)}};
}

}  // namespace

Result<std::optional<double>> DifferenceFromFp32(const BuildArguments& a, const NamedEngine& engine,
                                                 const engine::Builder& builder) {
  if (a.reference.empty()) return std::optional<double>{};
  if (engine.plan.part->name != bundle::kWhole) {
    return UsageError("the actions are compared with those of the whole policy's engine", "build --parts whole, too");
  }
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle reference, bundle::Open(a.reference));
  if (reference.precision != "fp32") return InputError(a.reference.string(), "is no fp32 bundle");
  VLAQ_ASSIGN_OR_RETURN(const auto frames, OpenFrames(a.frames));
  const int64_t window = reference.spec.window, batch = engine::kLargestBatch;
  const auto count = static_cast<int>(window + batch - 1);
  VLAQ_ASSIGN_OR_RETURN(const Tensor pixels, measuring::PixelValues(*frames, reference.spec.preprocess, count));
  const int64_t side = pixels.shape()[3];
  const size_t frame_bytes = pixels.bytes().size() / static_cast<size_t>(count);
  Tensor windows = Tensor::Make(DType::kF32, {batch, window, 3, side, side});
  for (int64_t i = 0; i < batch; ++i) {
    const Bytes from =
        pixels.bytes().subspan(static_cast<size_t>(i) * frame_bytes, static_cast<size_t>(window) * frame_bytes);
    std::copy(
        from.begin(), from.end(),
        windows.mutable_bytes().begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(i * window) * frame_bytes));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  VLAQ_ASSIGN_OR_RETURN(const auto source, backend::ModelSource::FromFile(reference.GraphPath(bundle::kWhole)));
  VLAQ_ASSIGN_OR_RETURN(const auto step,
                        measuring::OpenWholeStep(source, *backend, a.backend.Options().ForSource(), pixels, window, 1));
  VLAQ_ASSIGN_OR_RETURN(const std::vector<double> actions, engine::RunEngine(engine.plan, builder, windows));
  double sum = 0;
  size_t at = 0;
  for (int64_t i = 0; i < batch; ++i) {
    VLAQ_ASSIGN_OR_RETURN(const Tensor wanted, step->Act(static_cast<int>(window - 1 + i)));
    for (const float value : wanted.data<float>()) {
      if (at == actions.size()) break;
      sum += std::abs(actions[at++] - static_cast<double>(value));
    }
  }
  const auto expected = static_cast<size_t>(batch * reference.spec.chunk * reference.spec.action_dim);
  if (actions.size() != expected || at != expected) {
    return Error{ErrorCode::kBackend,
                 fmt::format("gave {} values where {} actions have {}", actions.size(), batch, expected),
                 engine.plan.file.string(), ""};
  }
  return std::optional(sum / static_cast<double>(expected));
}

Status WriteEngineResults(const BuildArguments& a, const std::vector<NamedEngine>& engines,
                          const engine::Builder& builder, const engine::Board& board, Context& context) {
  Json document{{"schema", "vlaq.jetson/1"}};
  if (!board.model.empty()) document["device"] = board.model;
  if (!board.release.empty()) document["release"] = board.release;
  if (board.power_mode) document["nvpmodel"] = *board.power_mode;
  document["tensorrt"] = builder.version.ToString();
  document["trtexec_sha256"] = builder.tool.sha256;
  std::vector<std::string> why;
  for (const NamedEngine& e : engines) {
    VLAQ_ASSIGN_OR_RETURN(const engine::Timing timing, engine::TimeEngine(e.plan, builder, a.seconds, "/"));
    std::optional<double> mae;
    if (e.plan.part->name == bundle::kWhole) {
      VLAQ_ASSIGN_OR_RETURN(mae, DifferenceFromFp32(a, e, builder));
    }
    // The one door to the word "measured": figures of anything else are dropped here.
    why = engine::WhyNotMeasured(board, builder.tool, timing.log);
    Json entry = why.empty() ? Entry(e, timing, mae) : Json{{"measured", false}, {"why", why}};
    entry["engine"] = {{"file", e.plan.file.filename().string()}, {"sha256", e.built.sha256}};
    std::string name(engine::EnginePrecision(*e.plan.bundle));
    if (e.plan.part->name != bundle::kWhole) name += fmt::format("_{}", e.plan.part->name);
    document[name] = std::move(entry);
  }
  document["measured"] = why.empty();
  if (!a.estimate.empty()) {
    VLAQ_ASSIGN_OR_RETURN(document["estimate"], ReadEstimate(a.estimate));
  }
  document["meaning"] = Meanings();
  const auto path = a.engine_dir / kResults;
  VLAQ_RETURN_IF_ERROR(WriteFile(path, document.dump(1) + "\n", Existing::kReplace));
  (a.json ? context.err : context.out) << fmt::format("\nWritten: {}\n", path.string());
  if (why.empty()) return {};
  return Error{ErrorCode::kUnstable, fmt::format("nothing was measured: {}", fmt::join(why, "; ")), path.string(),
               "run it on the board, with the board's own trtexec"};
}

}  // namespace vlaq::cli
