#include "calibration/sample_source.h"

#include <array>
#include <set>

#include "base/hash.h"
#include "episode/content.h"

namespace vlaq::calibration {
namespace {

class EpisodeSamples : public SampleSource {
 public:
  EpisodeSamples(episode::EpisodeSet set, std::vector<SampleEpisode> episodes)
      : set_(std::move(set)), episodes_(std::move(episodes)) {}

  const std::vector<SampleEpisode>& episodes() const override { return episodes_; }

  Result<image::Frame> Read(size_t episode, int64_t t) override {
    if (open_ == nullptr || opened_ != episode) {
      VLAQ_ASSIGN_OR_RETURN(open_, set_.OpenEpisode(episode));
      opened_ = episode;
    }
    VLAQ_ASSIGN_OR_RETURN(image::Image image, open_->ReadFrame(t));
    const auto owner = std::make_shared<const image::Image>(std::move(image));
    return image::Frame{*owner, episodes_[episode].name, owner};
  }

 private:
  episode::EpisodeSet set_;
  std::vector<SampleEpisode> episodes_;
  std::unique_ptr<episode::Episode> open_;  // the one that was read last
  size_t opened_ = 0;
};

class PictureSamples : public SampleSource {
 public:
  PictureSamples(std::unique_ptr<image::FrameSource> frames, SampleEpisode episode)
      : frames_(std::move(frames)), episodes_{std::move(episode)} {}

  const std::vector<SampleEpisode>& episodes() const override { return episodes_; }
  Result<image::Frame> Read(size_t /*episode*/, int64_t t) override { return frames_->Read(static_cast<size_t>(t)); }

 private:
  std::unique_ptr<image::FrameSource> frames_;
  std::vector<SampleEpisode> episodes_;
};

}  // namespace

Result<std::unique_ptr<SampleSource>> FromEpisodes(episode::EpisodeSet set, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const episode::SetContent content, episode::HashAll(set, log));
  std::set<std::string> known;
  std::vector<SampleEpisode> episodes;
  std::vector<size_t> indices;
  for (size_t i = 0; i < content.episodes.size(); ++i) {
    if (!known.insert(content.episodes[i].hash).second) continue;
    VLAQ_ASSIGN_OR_RETURN(const auto episode, set.OpenEpisode(content.indices[i]));
    episodes.push_back({content.episodes[i].name, content.episodes[i].hash, episode->length(), episode->instruction()});
    indices.push_back(content.indices[i]);
  }
  return std::unique_ptr<SampleSource>(new EpisodeSamples(set.Subset(indices), std::move(episodes)));
}

Result<std::unique_ptr<SampleSource>> FromFrames(std::unique_ptr<image::FrameSource> frames, std::string name,
                                                 Log& log) {
  Sha256 hash;
  for (size_t i = 0; i < frames->size(); ++i) {
    log.Progress("hashing frames", i, frames->size());
    VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, frames->Read(i));
    const std::array<int64_t, 2> size{frame.pixels.width, frame.pixels.height};
    hash.Update(std::as_bytes(std::span(size)));
    hash.Update(std::as_bytes(frame.pixels.rgb));
  }
  log.Progress("hashing frames", frames->size(), frames->size());
  const auto length = static_cast<int64_t>(frames->size());
  return std::unique_ptr<SampleSource>(
      new PictureSamples(std::move(frames), {std::move(name), hash.FinishHex(), length, ""}));
}

}  // namespace vlaq::calibration
