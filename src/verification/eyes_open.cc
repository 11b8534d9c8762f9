#include "verification/eyes_open.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "evaluation/condition.h"
#include "evaluation/open_loop_evaluation.h"

namespace vlaq::verification {
namespace {

using evaluation::Condition;
using evaluation::EpisodeScore;
using evaluation::Estimate;

constexpr int kRung = 4;
constexpr std::string_view kReason =
    "normalised, per step and axis; arithmetic moves actions by 1e-5, looking and listening by 0.1 and more";

class EyesOpen {
 public:
  EyesOpen(const Contender& policy, const episode::EpisodeSet& episodes, const EyesOpenOptions& options, Log& log,
           Report& report)
      : policy_(policy), episodes_(episodes), options_(options), log_(log), report_(report) {}

  Status Image() {
    Check check{kRung, "image", true, "", {}};
    for (const Condition condition : {Condition::kBlank, Condition::kFrozen, Condition::kShuffled}) {
      VLAQ_ASSIGN_OR_RETURN(const Estimate moved, Movement(condition, episodes_));
      Judge(condition, moved, check);
    }
    VLAQ_ASSIGN_OR_RETURN(const Estimate memory, Movement(Condition::kOneFrame, episodes_));
    AddFigures("one-frame", memory, check);
    Finish(std::move(check));
    return {};
  }

  Status Instruction() {
    if (!policy_.deaf_because.empty()) return Untested(policy_.deaf_because);
    VLAQ_ASSIGN_OR_RETURN(const episode::EpisodeSet sided, EpisodesWithSides());
    if (sided.size() == 0) return Untested("no instruction of these episodes says left or right");
    Check check{kRung, "instruction", true, "", {}};
    VLAQ_ASSIGN_OR_RETURN(const Estimate swapped, Movement(Condition::kSwapped, sided));
    Judge(Condition::kSwapped, swapped, check);
    VLAQ_ASSIGN_OR_RETURN(const Estimate deaf, Movement(Condition::kDeaf, sided));
    check.detail += fmt::format(", {} by {} (not judged)", Name(Condition::kDeaf), Words(deaf));
    AddFigures(std::string(Name(Condition::kDeaf)), deaf, check);
    check.figures.emplace_back("episodes", static_cast<double>(sided.size()));
    Finish(std::move(check));
    return {};
  }

 private:
  Result<Estimate> Movement(Condition condition, const episode::EpisodeSet& episodes) {
    report_.evidence.open_loop_conditions.emplace_back(Name(condition));
    VLAQ_ASSIGN_OR_RETURN(const std::vector<EpisodeScore> scores,
                          evaluation::ScoreEpisodes(policy_.drivers, episodes, {condition, options_.threads}, log_));
    for (const EpisodeScore& score : scores) {
      if (std::isfinite(score.moved.Mae(evaluation::AxesOf(policy_.space)))) continue;
      constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
      return Estimate{kNaN, {kNaN, kNaN}};  // actions that are no numbers; no interval can be drawn from them
    }
    return evaluation::Movement(policy_.space, scores);
  }

  void Judge(Condition condition, const Estimate& moved, Check& check) const {
    const bool enough = moved.value >= options_.least_movement;  // false for no number
    check.passed = check.passed && enough;
    check.detail += fmt::format("{}{} by {}{}", check.detail.empty() ? "moved: " : ", ", Name(condition), Words(moved),
                                enough ? "" : " TOO LITTLE");
    AddFigures(std::string(Name(condition)), moved, check);
  }

  void Finish(Check check) {
    check.detail += fmt::format("; at least {} ({})", options_.least_movement, kReason);
    check.figures.emplace_back("limit", options_.least_movement);
    report_.checks.push_back(std::move(check));
  }

  Status Untested(std::string reason) {
    report_.untestable.push_back({kRung, "instruction", std::move(reason)});
    return {};
  }

  // Those whose instruction changes when left and right change places: the others would dilute the mean.
  Result<episode::EpisodeSet> EpisodesWithSides() const {
    std::vector<size_t> chosen;
    for (size_t i = 0; i < episodes_.size(); ++i) {
      VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes_.OpenEpisode(i));
      if (evaluation::SwapSides(episode->instruction()) != episode->instruction()) chosen.push_back(i);
    }
    return episodes_.Subset(chosen);
  }

  const Contender& policy_;
  const episode::EpisodeSet& episodes_;
  const EyesOpenOptions& options_;
  Log& log_;
  Report& report_;
};

}  // namespace

Status CheckEyesOpen(const Contender& policy, const episode::EpisodeSet& episodes, const EyesOpenOptions& options,
                     Log& log, Report& report) {
  report.evidence.limits.push_back({"least_movement", options.least_movement, std::string(kReason)});
  EyesOpen eyes_open(policy, episodes, options, log, report);
  VLAQ_RETURN_IF_ERROR(eyes_open.Image());
  return eyes_open.Instruction();
}

}  // namespace vlaq::verification
