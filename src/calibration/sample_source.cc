#include "calibration/sample_source.h"

#include <fmt/format.h>

#include <array>

#include "base/hash.h"

namespace vlaq::calibration {
namespace {

using backend::NamedTensors;

// uint8 [H, W, 3], a view.
Tensor AsTensor(const image::ImageView& pixels, std::shared_ptr<const void> owner) {
  return Tensor::View(DType::kU8, {pixels.height, pixels.width, 3}, std::as_bytes(pixels.rgb), std::move(owner));
}

class EpisodeSamples : public SampleSource {
 public:
  EpisodeSamples(episode::EpisodeSet set, std::vector<SampleEpisode> episodes, std::string camera)
      : set_(std::move(set)), episodes_(std::move(episodes)), camera_(std::move(camera)), hashes_(episodes_.size()) {}

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
    VLAQ_ASSIGN_OR_RETURN(image::Image image, open_->ReadFrame(t));
    const auto owner = std::make_shared<const image::Image>(std::move(image));
    return NamedTensors{{camera_, AsTensor(*owner, owner)}};
  }

 private:
  Status Open(size_t episode) {
    if (open_ != nullptr && opened_ == episode) return {};
    VLAQ_ASSIGN_OR_RETURN(open_, set_.OpenEpisode(episode));
    opened_ = episode;
    return {};
  }

  episode::EpisodeSet set_;
  std::vector<SampleEpisode> episodes_;
  std::string camera_;
  std::vector<std::string> hashes_;         // empty: not asked for yet
  std::unique_ptr<episode::Episode> open_;  // the one that was read last
  size_t opened_ = 0;
};

class PictureSamples : public SampleSource {
 public:
  PictureSamples(std::unique_ptr<image::FrameSource> frames, SampleEpisode episode, std::string camera)
      : frames_(std::move(frames)), episodes_{std::move(episode)}, camera_(std::move(camera)) {}

  const std::vector<SampleEpisode>& episodes() const override { return episodes_; }
  Result<NamedTensors> Read(size_t /*episode*/, int64_t t) override {
    VLAQ_ASSIGN_OR_RETURN(image::Frame frame, frames_->Read(static_cast<size_t>(t)));
    return NamedTensors{{camera_, AsTensor(frame.pixels, std::move(frame.owner))}};
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

Result<std::unique_ptr<SampleSource>> FromEpisodes(episode::EpisodeSet set, std::string camera) {
  std::vector<SampleEpisode> episodes;
  for (size_t i = 0; i < set.size(); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const auto episode, set.OpenEpisode(i));
    episodes.push_back({set.name(i), episode->length(), episode->task()});
  }
  return std::unique_ptr<SampleSource>(new EpisodeSamples(std::move(set), std::move(episodes), std::move(camera)));
}

std::unique_ptr<SampleSource> FromFrames(std::unique_ptr<image::FrameSource> frames, std::string name,
                                         std::string camera) {
  const auto length = static_cast<int64_t>(frames->size());
  return std::make_unique<PictureSamples>(std::move(frames), SampleEpisode{std::move(name), length, std::nullopt},
                                          std::move(camera));
}

}  // namespace vlaq::calibration
