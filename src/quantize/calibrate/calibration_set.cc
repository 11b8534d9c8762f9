#include "quantize/calibrate/calibration_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/hash.h"

namespace vlaq::calibrate {

using backend::NamedTensors;

Result<CalibrationSet> CalibrationSet::Draw(SampleSource& source, const policy::Policy& policy,
                                            const runtime::TextEncoder* text, int64_t samples, uint64_t seed,
                                            Log& log) {
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader features, runtime::FeatureReader::Make(policy));
  CalibrationSet set(source, std::move(features));
  VLAQ_RETURN_IF_ERROR(set.Choose(samples, seed));
  VLAQ_RETURN_IF_ERROR(set.Identify(text, log));
  std::stable_sort(set.samples_.begin(), set.samples_.end(), [&](const Sample& a, const Sample& b) {
    return source.episodes()[a.episode].instruction < source.episodes()[b.episode].instruction;
  });
  return set;
}

Status CalibrationSet::Choose(int64_t samples, uint64_t seed) {
  std::vector<int64_t> lengths;
  int64_t all = 0;
  for (const SampleEpisode& episode : source_->episodes()) {
    lengths.push_back(episode.length);
    all += episode.length;
  }
  if (samples == 0 && all == 0) return UsageError("there is no step to calibrate on");
  // A single step is in the first half, and the drift says so.
  if (samples == 0 && all < kMinSamples) {
    for (size_t i = 0; i < lengths.size(); ++i) {
      if (lengths[i] > 0) samples_.push_back({i, 0});
    }
    return {};
  }
  VLAQ_ASSIGN_OR_RETURN(samples_, SampleFrames(lengths, samples == 0 ? all : samples, seed));
  return {};
}

// Hash and instruction of the episodes that were drawn.
Status CalibrationSet::Identify(const runtime::TextEncoder* text, Log& log) {
  std::set<size_t> drawn;
  for (const Sample& sample : samples_) drawn.insert(sample.episode);
  for (const size_t i : drawn) {
    log.Progress("hashing episodes", episodes_.size(), drawn.size());
    const SampleEpisode& episode = source_->episodes()[i];
    VLAQ_ASSIGN_OR_RETURN(std::string hash, source_->Hash(i));
    episodes_.push_back({episode.name, std::move(hash)});
    if (tasks_.contains(episode.instruction)) continue;
    NamedTensors& task = tasks_[episode.instruction];
    if (text == nullptr) continue;
    // Without a tokenizer every episode is told what the export was.
    if (!episode.instruction || !text->can_encode()) {
      task = text->Exported().values;
      continue;
    }
    VLAQ_ASSIGN_OR_RETURN(runtime::EncodedTask encoded, text->Encode(*episode.instruction));
    task = std::move(encoded.values);
  }
  log.Progress("hashing episodes", drawn.size(), drawn.size());
  return {};
}

const NamedTensors& CalibrationSet::TaskOf(const Sample& sample) const {
  return tasks_.at(source_->episodes()[sample.episode].instruction);
}

std::vector<int64_t> CalibrationSet::MaskOf(const Sample& sample) const {
  for (const auto& [name, value] : TaskOf(sample)) {
    if (!name.ends_with("mask") || value.dtype() != DType::kI64 || value.rank() != 1) continue;
    const auto mask = value.data<int64_t>();
    return {mask.begin(), mask.end()};
  }
  return {};
}

Result<NamedTensors> CalibrationSet::Values(size_t episode, int64_t t) {
  VLAQ_ASSIGN_OR_RETURN(const NamedTensors observation, source_->Read(episode, t));
  auto values = features_.Read(observation);
  if (!values.ok()) return Within(source_->NameOf(episode, t), values.error());
  const NamedTensors& task = tasks_.at(source_->episodes()[episode].instruction);
  values->insert(task.begin(), task.end());
  return values;
}

std::string CalibrationSet::Fingerprint() const {
  Sha256 hash;
  for (const auto& episode : episodes_) hash.Update(AsBytes(episode.hash));
  for (const auto& [instruction, task] : tasks_) {
    hash.Update(AsBytes(instruction.value_or("")));
    for (const auto& [name, value] : task) hash.Update(value.bytes());
  }
  return hash.FinishHex();
}

}  // namespace vlaq::calibrate
