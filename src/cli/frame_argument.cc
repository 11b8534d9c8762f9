#include "cli/frame_argument.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "checkpoint/checkpoint.h"
#include "data/episode_set.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTensorMark = ".safetensors:";

Result<std::unique_ptr<image::FrameSource>> OpenTensor(const std::string& source) {
  const size_t at = source.find(kTensorMark) + kTensorMark.size();
  const fs::path path = source.substr(0, at - 1);
  const std::string name = source.substr(at);
  VLAQ_ASSIGN_OR_RETURN(const auto file, checkpoint::Checkpoint::Open(path));
  const checkpoint::Entry* entry = file->Find(name);
  if (entry == nullptr) {
    std::string known;
    for (const auto& e : file->entries()) known += (known.empty() ? "" : ", ") + e.name;
    return InputError(path.string(), fmt::format("holds no tensor '{}'", name), fmt::format("it holds {}", known));
  }
  return image::FramesOf(file->Read(*entry), source);
}

// The frames of recorded episodes, one episode after the other; keeps the one open that was read last.
class EpisodeFrames : public image::FrameSource {
 public:
  static Result<std::unique_ptr<image::FrameSource>> Open(const std::vector<fs::path>& paths) {
    VLAQ_ASSIGN_OR_RETURN(data::EpisodeSet set, data::EpisodeSet::Open(paths));
    std::vector<Place> places;
    for (size_t i = 0; i < set.size(); ++i) {
      VLAQ_ASSIGN_OR_RETURN(const auto recorded, set.OpenEpisode(i));
      for (int64_t t = 0; t < recorded->length(); ++t) places.push_back({i, t});
    }
    return std::unique_ptr<image::FrameSource>(new EpisodeFrames(std::move(set), std::move(places)));
  }

  size_t size() const override { return places_.size(); }
  bool Begins(size_t index) const override { return places_[index].step == 0; }

  Result<image::Frame> Read(size_t index) const override {
    const Place& place = places_[index];
    if (open_ == nullptr || open_index_ != place.episode) {
      VLAQ_ASSIGN_OR_RETURN(open_, set_.OpenEpisode(place.episode));
      open_index_ = place.episode;
    }
    VLAQ_ASSIGN_OR_RETURN(image::Image pixels, open_->ReadFrame(place.step));
    const auto owner = std::make_shared<const image::Image>(std::move(pixels));
    return image::Frame{
        .pixels = *owner, .name = fmt::format("{}[{}]", set_.name(place.episode), place.step), .owner = owner};
  }

 private:
  struct Place {
    size_t episode;
    int64_t step;
  };
  EpisodeFrames(data::EpisodeSet set, std::vector<Place> places) : set_(std::move(set)), places_(std::move(places)) {}

  data::EpisodeSet set_;
  std::vector<Place> places_;
  mutable std::unique_ptr<data::Episode> open_;
  mutable size_t open_index_ = 0;
};

bool IsEpisodes(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return data::HoldsEpisodes(path);
  return data::IsEpisodeName(path) && fs::exists(path, ignored);
}

Result<std::unique_ptr<image::FrameSource>> OpenAny(const std::vector<std::string>& sources) {
  const auto is_tensor = [](const std::string& source) { return source.find(kTensorMark) != std::string::npos; };
  if (std::any_of(sources.begin(), sources.end(), is_tensor)) {
    if (sources.size() > 1) return UsageError("--frames takes one tensor, or pictures and folders, not both");
    return OpenTensor(sources[0]);
  }
  const std::vector<fs::path> paths(sources.begin(), sources.end());
  const auto episodes = std::count_if(paths.begin(), paths.end(), IsEpisodes);
  if (episodes == 0) return image::OpenPictures(paths);
  if (static_cast<size_t>(episodes) == paths.size()) return EpisodeFrames::Open(paths);
  return UsageError("--frames takes recorded episodes, or pictures and folders, not both");
}

}  // namespace

Result<std::unique_ptr<image::FrameSource>> OpenFrames(const std::vector<std::string>& sources, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(auto frames, OpenAny(sources));
  VLAQ_RETURN_IF_ERROR(frames->Read(0));
  const image::FrameSource::Oddities oddities = frames->FindOddities();
  for (const auto& [note, count] : oddities.notes) {
    log.Warning(fmt::format("{} of {} frames {}", count, frames->size(), note));
  }
  if (!oddities.passed_over.empty()) {
    log.Warning(fmt::format("passed over, since they are no pictures: {}", fmt::join(oddities.passed_over, ", ")));
  }
  return frames;
}

}  // namespace vlaq::cli
