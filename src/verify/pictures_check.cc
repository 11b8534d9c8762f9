#include "verify/pictures_check.h"

#include <fmt/format.h>

#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "evaluate/open_loop_evaluation.h"

namespace vlaq::verify {
namespace {

using evaluate::EpisodeScore;
using image::ChannelOrder;
using image::Normalization;
using image::PreprocessSpec;

struct OtherPictures {
  std::string name;  // "normalize imagenet"
  Shown shows;       // the setting, if they are worse
  PreprocessSpec settings;
};

std::vector<OtherPictures> OthersOf(const PreprocessSpec& settings) {
  std::vector<OtherPictures> others;
  for (const Normalization normalization : {Normalization::kClip, Normalization::kImagenet, Normalization::kNone}) {
    if (normalization == settings.normalization) continue;
    others.push_back({fmt::format("normalize {}", NormalizationName(normalization)), Shown::kNormalization, settings});
    others.back().settings.normalization = normalization;
  }
  const bool rgb = settings.channel_order == ChannelOrder::kRgb;
  others.push_back({fmt::format("channel_order {}", rgb ? "bgr" : "rgb"), Shown::kChannelOrder, settings});
  others.back().settings.channel_order = rgb ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  return others;
}

}  // namespace

Status CheckPictures(const JudgedPolicy& policy, const PreprocessSpec& settings, const WithPictures& make,
                     const data::EpisodeSet& episodes, const PicturesCheckOptions& options, Log& log, Report& report) {
  if (episodes.size() < 2) return {};  // no interval
  std::vector<size_t> first(std::min(options.episodes, episodes.size()));
  std::iota(first.begin(), first.end(), size_t{0});
  const data::EpisodeSet some = episodes.Subset(first);
  const evaluate::OpenLoopOptions open_loop{.threads = options.threads};
  VLAQ_ASSIGN_OR_RETURN(const std::vector<EpisodeScore> own,
                        evaluate::ScoreEpisodes(policy.policies, some, open_loop, log));
  const size_t axes = evaluate::AxesOf(policy.space);
  const double error = evaluate::Total(own).RawMae(axes);
  Check check{3, "pictures", true, "", {{"mae_raw", error}}, Against::kEpisodes};
  std::string better;
  std::set<Shown> shown{Shown::kNormalization, Shown::kChannelOrder};
  for (const OtherPictures& other : OthersOf(settings)) {
    VLAQ_ASSIGN_OR_RETURN(const auto policies, make(other.settings));
    VLAQ_ASSIGN_OR_RETURN(const std::vector<EpisodeScore> scores,
                          evaluate::ScoreEpisodes(*policies, some, open_loop, log));
    const evaluate::Estimate difference = evaluate::RawMaeDifference(policy.space, scores, own);
    const bool gains = difference.interval.high < 0 && -difference.value > options.least_gain * error;
    if (!(difference.interval.low > 0)) shown.erase(other.shows);
    if (gains && check.passed) {
      check.passed = false;
      better = fmt::format("{} fits what was recorded better", other.name);
    }
    check.detail += fmt::format("{}{} {:.4f}", check.detail.empty() ? "" : ", ", other.name, error + difference.value);
    AddFigures(other.name, difference, check);
  }
  check.detail = fmt::format("{}error {:.4f} {} as they are, with {}; {}", better.empty() ? "" : better + ": ", error,
                             policy.space.UnitText(), check.detail, Counted(some.size(), "episode"));
  if (check.passed) report.shown.merge(shown);
  report.checks.push_back(std::move(check));
  report.evidence.limits.push_back(
      {"least_gain_of_other_pictures", options.least_gain, "of the error; and the 95 % interval must lie below 0"});
  return {};
}

}  // namespace vlaq::verify
