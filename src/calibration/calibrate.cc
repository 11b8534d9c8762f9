#include "calibration/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "calibration/collector.h"
#include "calibration/observed.h"
#include "calibration/progress_file.h"
#include "onnx/model_file.h"
#include "families/kosmos2_lstm/schema1.h"
#include "runtime/policy_runner.h"

namespace vlaq::calibration {
namespace {

using Clock = std::chrono::steady_clock;
using backend::NamedTensors;
using quantization::ActivationStatistics;

constexpr std::string_view kPixels = "pixel_values";
constexpr std::string_view kFeature = "feature";

Result<std::vector<ObservedValue>> ObservedIn(const bundle::Bundle& bundle, std::string_view role) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(bundle.GraphPath(role)));
  auto values = ObservedValues(model.graph);
  if (!values.ok()) return Within(bundle.GraphPath(role).string(), values.error());
  return values;
}

// Those that a run has to give out.
std::vector<std::string> Outputs(const std::vector<ObservedValue>& values) {
  std::vector<std::string> names;
  for (const ObservedValue& value : values) {
    if (!value.is_input) names.push_back(value.name);
  }
  return names;
}

// Parts that fit into `budget` bytes, in order; a value that does not fit at all is a part of its own.
std::vector<std::vector<ObservedValue>> Parts(const std::vector<ObservedValue>& values, const NamedTensors& outputs,
                                              int64_t batch, uint64_t budget) {
  std::vector<std::vector<ObservedValue>> parts(1);
  uint64_t used = 0;
  for (const ObservedValue& value : values) {
    const auto output = outputs.find(value.name);
    const uint64_t bytes = output == outputs.end() ? 0 : output->second.bytes().size() * static_cast<uint64_t>(batch);
    if (used > 0 && used + bytes > budget) {
      parts.emplace_back();
      used = 0;
    }
    parts.back().push_back(value);
    used += bytes;
  }
  return parts;
}

// Row `i` of [B, D] as a tensor of its own.
Tensor Row(const Tensor& rows, size_t i) {
  const auto width = static_cast<size_t>(rows.shape()[1]);
  return Tensor::From<float>({rows.shape()[1]}, rows.data<float>().subspan(i * width, width));
}

class Calibration {
 public:
  Calibration(const bundle::Bundle& bundle, const backend::Backend& backend, SampleSource& source,
              const PromptMaker& prompt_for, const CalibrationOptions& options, Log& log)
      : bundle_(bundle),
        backend_(backend),
        source_(source),
        prompt_for_(prompt_for),
        options_(options),
        log_(log),
        threads_(options.open.threads > 0 ? options.open.threads : HardwareThreads()) {}

  Result<ActivationStatistics> Run() {
    if (bundle_.plan) {
      return InputError(bundle_.path.string(), "is quantised already", "calibrate the bundle that it was made from");
    }
    const std::string& family = bundle_.policy.family;  // empty: of a bundle that was just made
    if (!family.empty() && family != kosmos2_lstm::kKosmos2Lstm) {
      return UsageError(fmt::format("frames alone make no step of a policy of family '{}'", family),
                        "give all of its inputs: --inputs FILE.safetensors");
    }
    VLAQ_ASSIGN_OR_RETURN(material_, Material::Draw(source_, prompt_for_, bundle_.spec.preprocess, options_.samples,
                                                    options_.seed, log_));
    if (options_.samples < kSensibleSamples) {
      log_.Warning(
          fmt::format("{} samples are few: {} or more give ranges that hold", options_.samples, kSensibleSamples));
    }
    VLAQ_ASSIGN_OR_RETURN(encoder_values_, ObservedIn(bundle_, bundle::kEncoder));
    VLAQ_ASSIGN_OR_RETURN(head_values_, ObservedIn(bundle_, bundle::kHead));
    VLAQ_RETURN_IF_ERROR(Resume());
    VLAQ_RETURN_IF_ERROR(SeeSizes());
    VLAQ_ASSIGN_OR_RETURN(head_,
                          runtime::OpenGraph(bundle_, bundle::kHead, backend_, options_.open, Outputs(head_values_)));
    for (; progress_.pass < static_cast<int64_t>(parts_.size()); ++progress_.pass, progress_.done = 0) {
      VLAQ_RETURN_IF_ERROR(Pass());
    }
    return Finished();
  }

 private:
  // ---- before the first run ----

  // What makes this calibration the one that it is.
  Json Key() const {
    const quantization::PlanSource identity = IdentityOf(bundle_);
    return {{"weights", identity.weights_sha256}, {"graphs", identity.graphs}, {"episodes", material_->Fingerprint()},
            {"samples", options_.samples},        {"seed", options_.seed},     {"batch", options_.batch},
            {"memory", options_.memory_bytes},    {"engine", Engine()}};
  }
  std::string Engine() const { return fmt::format("{}, {}", backend_.name(), options_.open.provider); }

  Status Resume() {
    key_ = Key();
    saved_ = Clock::now();
    if (!options_.progress_file.empty()) {
      VLAQ_ASSIGN_OR_RETURN(auto progress, ReadProgress(options_.progress_file, key_));
      if (progress) progress_ = std::move(*progress);
      if (progress_.done > static_cast<int64_t>(material_->samples().size())) {
        return InputError(options_.progress_file.string(), "\"done\" is beyond the samples", "delete it to begin anew");
      }
      if (progress && progress_.done + progress_.pass > 0) {
        log_.Note(fmt::format("going on from {} after {} of {} samples", options_.progress_file.string(),
                              progress_.done, material_->samples().size()));
      }
    }
    collector_.emplace(threads_, std::move(progress_.tallies));
    return {};
  }

  // Opens the encoder with all values, looks at them on one frame, and parts them as memory allows.
  Status SeeSizes() {
    VLAQ_RETURN_IF_ERROR(OpenEncoder(encoder_values_));
    VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, Encode({material_->samples().front()}));
    collector_->LearnShapes(encoder_values_, {inputs_, outputs, {}, {}});
    parts_ = Parts(encoder_values_, outputs, options_.batch, options_.memory_bytes);
    if (parts_.size() == 1) return {};
    log_.Note(fmt::format("the values of {} do not fit into {}: {} passes over the samples",
                          Counted(options_.batch, "frame"), HumanBytes(options_.memory_bytes), parts_.size()));
    encoder_.reset();
    return {};
  }

  Status OpenEncoder(const std::vector<ObservedValue>& values) {
    encoder_.reset();  // first, so that two never are in memory
    VLAQ_ASSIGN_OR_RETURN(encoder_, runtime::Encoder::Open(bundle_, backend_, options_.open, Outputs(values)));
    return {};
  }

  // ---- running ----

  // Runs the encoder on frames of one prompt; inputs_ then holds what it read.
  Result<NamedTensors> Encode(const std::vector<Sample>& frames) {
    VLAQ_ASSIGN_OR_RETURN(inputs_[std::string(kPixels)], material_->Pixels(frames));
    VLAQ_ASSIGN_OR_RETURN(NamedTensors outputs,
                          encoder_->Encode(inputs_.begin()->second, material_->PromptOf(frames.front())));
    const auto feature = outputs.find(kFeature.data());
    const auto batch = static_cast<int64_t>(frames.size());
    if (feature == outputs.end() || feature->second.dtype() != DType::kF32 || feature->second.rank() != 2 ||
        feature->second.shape()[0] != batch) {
      return InputError(bundle_.GraphPath(bundle::kEncoder).string(),
                        fmt::format("gives no '{}' of float32 [{}, D]: this is no policy's encoder", kFeature, batch));
    }
    return outputs;
  }

  // One pass over the samples for the values of one part.
  Status Pass() {
    const std::vector<ObservedValue>& values = parts_[static_cast<size_t>(progress_.pass)];
    if (!encoder_ || parts_.size() > 1) VLAQ_RETURN_IF_ERROR(OpenEncoder(values));
    const auto total = static_cast<int64_t>(material_->samples().size());
    while (progress_.done < total) {
      const std::vector<Sample> batch = material_->Batch(static_cast<size_t>(progress_.done), options_.batch);
      VLAQ_RETURN_IF_ERROR(Observe(values, batch));
      progress_.done += static_cast<int64_t>(batch.size());
      log_.Progress("samples", static_cast<uint64_t>(progress_.pass * total + progress_.done),
                    static_cast<uint64_t>(total) * parts_.size());
      VLAQ_RETURN_IF_ERROR(SaveNowAndThen());
    }
    return {};
  }

  Status Observe(const std::vector<ObservedValue>& values, const std::vector<Sample>& batch) {
    std::vector<Tensor> features;
    {
      VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, Encode(batch));
      std::vector<Item> items;
      for (const Sample& sample : batch) items.push_back({sample.half, material_->NameOf(sample)});
      VLAQ_RETURN_IF_ERROR(
          collector_->Add(values, {inputs_, outputs, std::move(items), material_->PromptOf(batch.front()).mask}));
      const Tensor& rows = outputs.find(kFeature.data())->second;
      for (size_t i = 0; i < batch.size(); ++i) features.push_back(Row(rows, i));
    }
    if (progress_.pass > 0) return {};  // the head was watched in the first
    for (size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].window) VLAQ_RETURN_IF_ERROR(ObserveHead(batch[i], std::move(features[i])));
    }
    return {};
  }

  // The head on the frames up to `sample`, as at run time.
  Status ObserveHead(const Sample& sample, Tensor newest) {
    std::vector<Tensor> window;
    for (int64_t t = std::max<int64_t>(0, sample.t - bundle_.spec.window + 1); t < sample.t;) {
      std::vector<Sample> frames;
      for (; t < sample.t && static_cast<int64_t>(frames.size()) < options_.batch; ++t) {
        frames.push_back({sample.episode, t});
      }
      VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, Encode(frames));
      const Tensor& rows = outputs.find(kFeature.data())->second;
      for (size_t i = 0; i < frames.size(); ++i) window.push_back(Row(rows, i));
    }
    window.push_back(std::move(newest));
    const NamedTensors inputs{{"features", runtime::AsWindow(window)}};
    VLAQ_ASSIGN_OR_RETURN(const NamedTensors outputs, head_->Run(inputs));
    return collector_->Add(head_values_, {inputs, outputs, {{sample.half, material_->NameOf(sample)}}, {}});
  }

  Status SaveNowAndThen() {
    if (options_.progress_file.empty()) return {};
    const Clock::time_point now = Clock::now();
    if (std::chrono::duration<double>(now - saved_).count() < pause_s_.value_or(options_.save_every_s)) return {};
    VLAQ_RETURN_IF_ERROR(
        WriteProgress(options_.progress_file, key_, progress_.pass, progress_.done, collector_->tallies()));
    saved_ = Clock::now();
    // Writing shall not take more than a twentieth of the time.
    const double took = std::chrono::duration<double>(saved_ - now).count();
    if (options_.save_every_s > 0) pause_s_ = std::max(options_.save_every_s, 20 * took);
    return {};
  }

  ActivationStatistics Finished() const {
    ActivationStatistics statistics;
    statistics.source = IdentityOf(bundle_);
    statistics.samples = options_.samples;
    statistics.windows = std::count_if(material_->samples().begin(), material_->samples().end(),
                                       [](const Sample& sample) { return sample.window; });
    statistics.seed = options_.seed;
    statistics.batch = options_.batch;
    statistics.runs_on = Engine();
    statistics.episodes = material_->episodes();
    for (const auto& [name, halves] : collector_->tallies()) statistics.values[name] = Finish(halves);
    return statistics;
  }

  const bundle::Bundle& bundle_;
  const backend::Backend& backend_;
  SampleSource& source_;
  const PromptMaker& prompt_for_;
  const CalibrationOptions& options_;
  Log& log_;
  int threads_;

  std::optional<Material> material_;
  std::vector<ObservedValue> encoder_values_, head_values_;
  std::vector<std::vector<ObservedValue>> parts_;  // of the encoder's
  std::optional<runtime::Encoder> encoder_;
  std::unique_ptr<backend::OpenedModel> head_;
  NamedTensors inputs_;  // of the last run of the encoder
  std::optional<Collector> collector_;
  Json key_;
  Progress progress_;
  Clock::time_point saved_;
  std::optional<double> pause_s_;
};

}  // namespace

Result<ActivationStatistics> Calibrate(const bundle::Bundle& bundle, const backend::Backend& backend,
                                       SampleSource& source, const PromptMaker& prompt_for,
                                       const CalibrationOptions& options, Log& log) {
  if (options.batch < 1) return UsageError("the batch must be at least 1");
  return Calibration(bundle, backend, source, prompt_for, options, log).Run();
}

quantization::PlanSource IdentityOf(const bundle::Bundle& bundle) {
  quantization::PlanSource source;
  source.weights_sha256 = bundle.weights.sha256;
  for (const auto& [role, record] : bundle.graphs) source.graphs[role] = record.sha256;
  return source;
}

}  // namespace vlaq::calibration
