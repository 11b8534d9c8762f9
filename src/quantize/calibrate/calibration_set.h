// The steps that one calibration runs on: drawn, in the order in which they run, with what the policy reads of each.
// One thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "policy/policy.h"
#include "quantize/calibrate/sample_frames.h"
#include "quantize/calibrate/sample_source.h"
#include "quantize/numerics/statistics.h"
#include "runtime/features.h"
#include "runtime/text_encoder.h"

namespace vlaq::calibrate {

class CalibrationSet {
 public:
  // `samples`: so many steps, drawn; 0: every one, in order. `text` (null: the policy reads no instruction) and
  // `source` must outlive it. Errors: as SampleFrames and TextEncoder::Encode, those of the source; kUsage if there is
  // no step.
  static Result<CalibrationSet> Draw(SampleSource& source, const policy::Policy& policy,
                                     const runtime::TextEncoder* text, int64_t samples, uint64_t seed, Log& log);

  // Those of one instruction follow each other, in the order of episode and time.
  const std::vector<Sample>& samples() const { return samples_; }
  // That samples come from.
  const std::vector<numerics::CalibrationEpisode>& episodes() const { return episodes_; }
  // Whether they are told the same.
  bool SameTask(const Sample& a, const Sample& b) const { return &TaskOf(a) == &TaskOf(b); }

  // What executors take: observation and instruction. Errors: kInput naming the file.
  Result<backend::NamedTensors> Values(size_t episode, int64_t t);
  // The mask of the sample's instruction: 0 for padding; empty: it has none.
  std::vector<int64_t> MaskOf(const Sample& sample) const;
  // "frame 4 of e0.h5"
  std::string NameOf(const Sample& sample) const { return source_->NameOf(sample.episode, sample.t); }
  // SHA-256 over episodes and instructions.
  std::string Fingerprint() const;

 private:
  CalibrationSet(SampleSource& source, runtime::FeatureReader features)
      : source_(&source), features_(std::move(features)) {}
  Status Choose(int64_t samples, uint64_t seed);
  Status Identify(const runtime::TextEncoder* text, Log& log);
  const backend::NamedTensors& TaskOf(const Sample& sample) const;

  SampleSource* source_;
  runtime::FeatureReader features_;
  std::vector<Sample> samples_;
  std::vector<numerics::CalibrationEpisode> episodes_;
  std::map<std::optional<std::string>, backend::NamedTensors> tasks_;  // by instruction
};

}  // namespace vlaq::calibrate
