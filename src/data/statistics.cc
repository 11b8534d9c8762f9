#include "data/statistics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/names.h"
#include "base/random.h"

namespace vlaq::data {
namespace {

constexpr std::array<Named<ChannelVerdict>, 3> kVerdicts{{{ChannelVerdict::kAsLabeled, "as labeled"},
                                                          {ChannelVerdict::kSwapped, "swapped"},
                                                          {ChannelVerdict::kCannotTell, "cannot tell"}}};

constexpr int kFarApart = 40;          // of 255, between red and blue
constexpr double kEnoughColor = 0.01;  // of all pixels
constexpr int64_t kColoredFrames = 4;  // one in so many

// Mean and deviation in one pass (Welford's update), extremes, zeros.
struct Moments {
  int64_t count = 0;
  int64_t zeros = 0;
  double mean = 0.0;
  double squares = 0.0;  // of the differences to the mean
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();

  void Add(double value) {
    ++count;
    zeros += value == 0.0 ? 1 : 0;
    const double step = value - mean;
    mean += step / static_cast<double>(count);
    squares += step * (value - mean);
    min = std::min(min, value);
    max = std::max(max, value);
  }
};

size_t BinOf(const Histogram& histogram, double value) {
  const auto bins = static_cast<double>(histogram.counts.size());
  const double width = histogram.high - histogram.low;
  const double at = width > 0 ? (value - histogram.low) / width * bins : 0.0;
  return static_cast<size_t>(std::clamp(at, 0.0, bins - 1));
}

void LookAtColors(const image::Image& frame, ChannelEvidence& evidence) {
  const auto row = static_cast<size_t>(frame.width) * 3;
  size_t pixels = 0;
  size_t warm = 0;
  size_t cool = 0;
  for (size_t i = static_cast<size_t>(frame.height / 3) * row; i + 2 < frame.rgb.size(); i += 3) {
    const int red = frame.rgb[i];
    const int green = frame.rgb[i + 1];
    const int blue = frame.rgb[i + 2];
    warm += red > green && green > blue && red - blue >= kFarApart ? 1 : 0;
    cool += blue > green && green > red && blue - red >= kFarApart ? 1 : 0;
    ++pixels;
  }
  ++evidence.frames;
  if (static_cast<double>(warm + cool) < kEnoughColor * static_cast<double>(pixels)) return;
  evidence.warm_frames += warm > cool ? 1 : 0;
  evidence.cool_frames += cool > warm ? 1 : 0;
}

// Which frames to look at: `wanted` of `steps`, counted through all episodes, without repetition.
std::vector<int64_t> SampleSteps(int64_t steps, int64_t wanted, uint64_t seed) {
  std::vector<int64_t> sample;
  const int64_t count = std::min(steps, wanted);
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) {  // one from each of `count` equal stretches
    const int64_t begin = steps * i / count;
    const int64_t end = steps * (i + 1) / count;
    sample.push_back(begin + static_cast<int64_t>(random.Below(static_cast<uint64_t>(end - begin))));
  }
  return sample;
}

// Its cameras' sizes, as SetStatistics has them.
std::string ResolutionsOf(const Episode& episode) {
  std::vector<std::string> sizes;
  for (const Stream& stream : episode.streams()) {
    if (stream.is_image()) sizes.push_back(fmt::format("{} {}x{}", stream.name, stream.shape[1], stream.shape[0]));
  }
  if (sizes.empty()) return "none";
  if (sizes.size() == 1) return sizes[0].substr(sizes[0].find(' ') + 1);
  return fmt::format("{}", fmt::join(sizes, ", "));
}

class Collector {
 public:
  Collector(const EpisodeSet& set, const StatisticsOptions& options, Log& log)
      : set_(set), options_(options), log_(log) {
    result_.bad = set.bad();
  }

  Result<SetStatistics> Run() {
    VLAQ_RETURN_IF_ERROR(ForEach("reading commands", [&](const Episode& e) { return Count(e); }));
    FinishAxes();
    VLAQ_RETURN_IF_ERROR(ForEach("reading commands again", [&](const Episode& e) { return FillHistograms(e); }));
    sample_ = SampleSteps(result_.steps, options_.frames, options_.seed);
    VLAQ_RETURN_IF_ERROR(ForEach("looking at frames", [&](const Episode& e) { return LookAt(e); }));
    return std::move(result_);
  }

 private:
  template <typename Visit>
  Status ForEach(std::string_view what, Visit visit) {
    for (size_t i = 0; i < set_.size(); ++i) {
      log_.Progress(what, i, set_.size());
      VLAQ_ASSIGN_OR_RETURN(const auto episode, set_.OpenEpisode(i));  // was there a moment ago
      VLAQ_RETURN_IF_ERROR(visit(*episode));
    }
    log_.Progress(what, set_.size(), set_.size());
    return {};
  }

  Status Count(const Episode& episode);
  void FinishAxes();
  Status FillHistograms(const Episode& episode);
  Status LookAt(const Episode& episode);

  const EpisodeSet& set_;
  const StatisticsOptions& options_;
  Log& log_;
  SetStatistics result_;
  std::vector<Moments> moments_;
  Stream action_;  // of the first episode
  std::vector<int64_t> sample_;
  size_t next_sample_ = 0;
  int64_t steps_before_ = 0;  // of the episodes already looked at
};

Status Collector::Count(const Episode& episode) {
  SetStatistics& r = result_;
  ++r.episodes;
  r.steps += episode.length();
  ++r.lengths[episode.length()];
  r.timing.Add(episode);
  ++r.resolutions[ResolutionsOf(episode)];
  ++r.instructions[{episode.task(), episode.task_source()}];
  const Stream& action = episode.action();
  r.two_axis_episodes += action.filled > 0 ? 1 : 0;
  if (moments_.empty()) {
    action_ = action;
    moments_.resize(static_cast<size_t>(action.shape.back()));
  }
  if (action.shape != action_.shape || action.names != action_.names) {
    return InputError(
        episode.path().string(),
        fmt::format("has another action than the first episode: {} {} against {} {}", ShapeText(action.shape),
                    fmt::join(action.names, ", "), ShapeText(action_.shape), fmt::join(action_.names, ", ")));
  }
  const auto& attributes = episode.attributes();
  const auto layout = std::find_if(attributes.begin(), attributes.end(),
                                   [](const auto& row) { return row.first == "obstacle_layout_type"; });
  ++r.layouts[layout == attributes.end() ? "" : layout->second];
  for (const std::string& event : episode.events()) ++r.events[event];
  VLAQ_ASSIGN_OR_RETURN(const Tensor values, episode.ReadAll(action.name));
  const auto numbers = values.data<float>();
  for (size_t i = 0; i < numbers.size(); ++i) moments_[i % moments_.size()].Add(static_cast<double>(numbers[i]));
  return {};
}

void Collector::FinishAxes() {
  for (size_t axis = 0; axis < moments_.size(); ++axis) {
    const Moments& m = moments_[axis];
    const auto count = static_cast<double>(m.count);
    const size_t bins = m.max > m.min ? static_cast<size_t>(std::max(options_.bins, 1)) : 1;
    result_.axes.push_back({action_.names.empty() ? fmt::format("action[{}]", axis) : action_.names[axis],
                            action_.units.empty() ? "" : action_.units[axis],
                            m.mean,
                            std::sqrt(m.squares / count),
                            m.min,
                            m.max,
                            static_cast<double>(m.zeros) / count,
                            {m.min, m.max, std::vector<uint64_t>(bins)}});
  }
}

Status Collector::FillHistograms(const Episode& episode) {
  VLAQ_ASSIGN_OR_RETURN(const Tensor values, episode.ReadAll(kAction));
  const auto numbers = values.data<float>();
  for (size_t i = 0; i < numbers.size(); ++i) {
    Histogram& histogram = result_.axes[i % result_.axes.size()].histogram;
    ++histogram.counts[BinOf(histogram, static_cast<double>(numbers[i]))];
  }
  return {};
}

Status Collector::LookAt(const Episode& episode) {
  const int64_t begin = steps_before_;
  steps_before_ += episode.length();
  const bool has_camera = episode.streams().front().is_image();
  for (; next_sample_ < sample_.size() && sample_[next_sample_] < steps_before_; ++next_sample_) {
    if (!has_camera) continue;
    const auto frame = episode.ReadFrame(sample_[next_sample_] - begin);
    if (frame.ok()) {
      LookAtColors(*frame, result_.channels);
    } else if (!set_.options().skip_bad) {
      return WithSkipAdvice(frame.error());
    } else if (result_.bad.empty() || result_.bad.back().path != episode.path()) {
      result_.bad.push_back({episode.path(), frame.error()});
    }
  }
  return {};
}

}  // namespace

std::string_view Name(ChannelVerdict verdict) { return NameIn(kVerdicts, verdict); }

ChannelVerdict ChannelEvidence::Verdict() const {
  const int64_t colored = warm_frames + cool_frames;
  if (colored == 0 || colored * kColoredFrames < frames) return ChannelVerdict::kCannotTell;
  if (4 * warm_frames >= 3 * colored) return ChannelVerdict::kAsLabeled;
  return 4 * cool_frames >= 3 * colored ? ChannelVerdict::kSwapped : ChannelVerdict::kCannotTell;
}

Result<SetStatistics> ComputeStatistics(const EpisodeSet& set, const StatisticsOptions& options, Log& log) {
  return Collector(set, options, log).Run();
}

}  // namespace vlaq::data
