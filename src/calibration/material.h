// The frames that one calibration runs on: drawn, in the order in which they run, with their prompts and pixels.
// One thread at a time.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "calibration/draw.h"
#include "calibration/sample_source.h"
#include "image/preprocess.h"
#include "families/kosmos2_lstm/prompt.h"
#include "quantization/statistics.h"

namespace vlaq::calibration {

// The prompt for an instruction, or for none if it is empty.
using PromptMaker = std::function<Result<prompt::Prompt>(const std::string& instruction)>;

class Material {
 public:
  // `source` must outlive it. Errors: as DrawSamples and `prompts`, those of the frames.
  static Result<Material> Draw(SampleSource& source, const PromptMaker& prompts,
                               const image::PreprocessSpec& preprocess, int64_t samples, uint64_t seed, Log& log);

  // Those of one instruction follow each other.
  const std::vector<Sample>& samples() const { return samples_; }
  // That samples come from.
  const std::vector<quantization::CalibrationEpisode>& episodes() const { return episodes_; }
  // At most `most` samples from `begin` on that share a prompt; at least one.
  std::vector<Sample> Batch(size_t begin, int64_t most) const;

  const prompt::Prompt& PromptOf(const Sample& sample) const;
  // "frame 4 of e0.h5"
  std::string NameOf(const Sample& sample) const;
  // Preprocessed, [N, 3, S, S] float32. Errors: kInput naming the file.
  Result<Tensor> Pixels(const std::vector<Sample>& samples);
  // SHA-256 over episodes and prompts.
  std::string Fingerprint() const;

 private:
  Material(SampleSource& source, image::Preprocessor preprocessor)
      : source_(&source), preprocessor_(std::move(preprocessor)) {}
  Status Identify(const PromptMaker& prompts, Log& log);

  SampleSource* source_;
  image::Preprocessor preprocessor_;
  std::vector<Sample> samples_;
  std::vector<quantization::CalibrationEpisode> episodes_;
  std::map<std::string, prompt::Prompt> prompts_;  // by instruction
};

}  // namespace vlaq::calibration
