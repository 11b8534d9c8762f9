#include "calibration/material.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "runtime/policy_runner.h"

namespace vlaq::calibration {

Result<Material> Material::Draw(SampleSource& source, const PromptMaker& prompts,
                                const image::PreprocessSpec& preprocess, int64_t samples, uint64_t seed, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(preprocess));
  Material material(source, std::move(preprocessor));
  std::vector<int64_t> lengths;
  for (const SampleEpisode& episode : source.episodes()) lengths.push_back(episode.length);
  VLAQ_ASSIGN_OR_RETURN(material.samples_, DrawSamples(lengths, samples, seed));
  VLAQ_RETURN_IF_ERROR(material.Identify(prompts, log));
  std::stable_sort(material.samples_.begin(), material.samples_.end(), [&](const Sample& a, const Sample& b) {
    return source.episodes()[a.episode].instruction < source.episodes()[b.episode].instruction;
  });
  return material;
}

// Hash and prompt of the episodes that were drawn.
Status Material::Identify(const PromptMaker& prompts, Log& log) {
  std::set<size_t> drawn;
  for (const Sample& sample : samples_) drawn.insert(sample.episode);
  for (const size_t i : drawn) {
    log.Progress("hashing episodes", episodes_.size(), drawn.size());
    const SampleEpisode& episode = source_->episodes()[i];
    VLAQ_ASSIGN_OR_RETURN(std::string hash, source_->Hash(i));
    episodes_.push_back({episode.name, std::move(hash)});
    if (prompts_.contains(episode.instruction)) continue;
    VLAQ_ASSIGN_OR_RETURN(prompts_[episode.instruction], prompts(episode.instruction));
  }
  log.Progress("hashing episodes", drawn.size(), drawn.size());
  return {};
}

std::vector<Sample> Material::Batch(size_t begin, int64_t most) const {
  const auto instruction_of = [&](const Sample& sample) { return source_->episodes()[sample.episode].instruction; };
  const std::string instruction = instruction_of(samples_[begin]);
  std::vector<Sample> batch;
  for (size_t i = begin; i < samples_.size() && static_cast<int64_t>(batch.size()) < most; ++i) {
    if (instruction_of(samples_[i]) != instruction) break;
    batch.push_back(samples_[i]);
  }
  return batch;
}

const prompt::Prompt& Material::PromptOf(const Sample& sample) const {
  return prompts_.at(source_->episodes()[sample.episode].instruction);
}

std::string Material::NameOf(const Sample& sample) const {
  return fmt::format("frame {} of {}", sample.t, source_->episodes()[sample.episode].name);
}

Result<Tensor> Material::Pixels(const std::vector<Sample>& samples) {
  std::vector<Tensor> pixels;
  for (const Sample& sample : samples) {
    VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, source_->Read(sample.episode, sample.t));
    VLAQ_ASSIGN_OR_RETURN(pixels.emplace_back(), preprocessor_.Run(frame.pixels));
  }
  return runtime::Stack(pixels);
}

std::string Material::Fingerprint() const {
  Sha256 hash;
  for (const auto& episode : episodes_) hash.Update(AsBytes(episode.hash));
  for (const auto& [instruction, prompt] : prompts_) {
    hash.Update(AsBytes(instruction));
    hash.Update(std::as_bytes(std::span(prompt.ids)));
    hash.Update(std::as_bytes(std::span(prompt.mask)));
  }
  return hash.FinishHex();
}

}  // namespace vlaq::calibration
