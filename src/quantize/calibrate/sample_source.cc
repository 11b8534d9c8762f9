#include "quantize/calibrate/sample_source.h"

#include <fmt/format.h>

#include <array>

#include "base/hash.h"

namespace vlaq::calibrate {
namespace {

using backend::NamedTensors;

class EpisodeSamples : public SampleSource {
 public:
  EpisodeSamples(data::EpisodeSet set, std::vector<SampleEpisode> episodes, std::vector<data::WantedFeature> wanted)
      : set_(std::move(set)), episodes_(std::move(episodes)), wanted_(std::move(wanted)), hashes_(episodes_.size()) {}

  const std::vector<SampleEpisode>& episodes() const override { return episodes_; }

  Result<std::string> Hash(size_t episode) override {
    if (hashes_[episode].empty()) {
      VLAQ_RETURN_IF_ERROR(Open(episode));
      VLAQ_ASSIGN_OR_RETURN(hashes_[episode], open_->ContentHash());
    }
    return hashes_[episode];
  }

  Result<NamedTensors> Read(size_t episode, int64_t t) override {
    VLAQ_RETURN_IF_ERROR(Open(episode));
    return open_->ReadObservation(match_, t);
  }

 private:
  Status Open(size_t episode) {
    if (open_ != nullptr && opened_ == episode) return {};
    VLAQ_ASSIGN_OR_RETURN(open_, set_.OpenEpisode(episode));
    opened_ = episode;
    auto match = data::MatchFeatures(wanted_, open_->streams());
    if (!match.ok()) return Within(open_->path().string(), match.error());
    match_ = std::move(*match);
    return {};
  }

  data::EpisodeSet set_;
  std::vector<SampleEpisode> episodes_;
  std::vector<data::WantedFeature> wanted_;
  std::vector<std::string> hashes_;      // empty: not asked for yet
  std::unique_ptr<data::Episode> open_;  // the one that was read last
  size_t opened_ = 0;
  std::map<std::string, std::string> match_;  // of the open one: wanted feature -> stream
};

class PictureSamples : public SampleSource {
 public:
  PictureSamples(std::unique_ptr<image::FrameSource> frames, SampleEpisode episode, std::string camera)
      : frames_(std::move(frames)), episodes_{std::move(episode)}, camera_(std::move(camera)) {}

  const std::vector<SampleEpisode>& episodes() const override { return episodes_; }
  Result<NamedTensors> Read(size_t /*episode*/, int64_t t) override {
    VLAQ_ASSIGN_OR_RETURN(image::Frame frame, frames_->Read(static_cast<size_t>(t)));
    const image::ImageView& pixels = frame.pixels;
    return NamedTensors{{camera_, Tensor::View(DType::kU8, {pixels.height, pixels.width, 3}, std::as_bytes(pixels.rgb),
                                               std::move(frame.owner))}};
  }

  Result<std::string> Hash(size_t /*episode*/) override {
    if (!hash_.empty()) return hash_;
    Sha256 hash;
    for (size_t i = 0; i < frames_->size(); ++i) {
      VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, frames_->Read(i));
      const std::array<int64_t, 2> size{frame.pixels.width, frame.pixels.height};
      hash.Update(std::as_bytes(std::span(size)));
      hash.Update(std::as_bytes(frame.pixels.rgb));
    }
    hash_ = hash.FinishHex();
    return hash_;
  }

 private:
  std::unique_ptr<image::FrameSource> frames_;
  std::vector<SampleEpisode> episodes_;
  std::string camera_;
  std::string hash_;  // empty: not asked for yet
};

}  // namespace

std::string SampleSource::NameOf(size_t episode, int64_t t) const {
  return fmt::format("frame {} of {}", t, episodes()[episode].name);
}

Result<std::unique_ptr<SampleSource>> FromEpisodes(data::EpisodeSet set, std::vector<data::WantedFeature> wanted) {
  std::vector<SampleEpisode> episodes;
  for (size_t i = 0; i < set.size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const auto episode, set.OpenEpisode(i));
    episodes.push_back({set.name(i), episode->length(), episode->task()});
  }
  return std::unique_ptr<SampleSource>(new EpisodeSamples(std::move(set), std::move(episodes), std::move(wanted)));
}

std::unique_ptr<SampleSource> FromFrames(std::unique_ptr<image::FrameSource> frames, std::string name,
                                         std::string camera) {
  const auto length = static_cast<int64_t>(frames->size());
  return std::make_unique<PictureSamples>(std::move(frames), SampleEpisode{std::move(name), length, std::nullopt},
                                          std::move(camera));
}

}  // namespace vlaq::calibrate
