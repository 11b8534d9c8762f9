#include "verify/ablation_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "evaluate/ablation.h"
#include "evaluate/open_loop_evaluation.h"

namespace vlaq::verify {
namespace {

using evaluate::Ablation;
using evaluate::EpisodeScore;
using evaluate::Estimate;

constexpr int kAblationStage = 4;
constexpr std::string_view kReason =
    "normalized, per step and axis; arithmetic moves actions by 1e-5, looking and listening by 0.2 and more";

// Movements that were measured, put into checks.
class Verdicts {
 public:
  Verdicts(const JudgedPolicy& policy, std::vector<evaluate::AblationScores> scores, double limit)
      : space_(policy.space), scores_(std::move(scores)), limit_(limit) {}

  Check Image() const {
    Check check{kAblationStage, "image", true, "", {}};
    for (const Ablation ablation : {Ablation::kGrayImage, Ablation::kFrozenImage, Ablation::kShuffledImages}) {
      Judge(ablation, Of(ablation), check);
    }
    AddFigures(std::string(Name(Ablation::kOneFrame)), evaluate::Movement(space_, Of(Ablation::kOneFrame)), check);
    return Finished(std::move(check));
  }

  // nullopt if no instruction changes when its opposite is taken.
  std::optional<Check> Instruction() const {
    const std::vector<EpisodeScore> swapped = WithOpposites(Of(Ablation::kSwappedInstruction));
    if (swapped.empty()) return std::nullopt;
    Check check{kAblationStage, "instruction", true, "", {}};
    Judge(Ablation::kSwappedInstruction, swapped, check);
    const Estimate deaf = evaluate::Movement(space_, WithOpposites(Of(Ablation::kNoInstruction)));
    check.detail += fmt::format(", {} by {} (not judged)", Name(Ablation::kNoInstruction), Format(deaf));
    AddFigures(std::string(Name(Ablation::kNoInstruction)), deaf, check);
    check.figures.emplace_back("episodes", static_cast<double>(swapped.size()));
    return Finished(std::move(check));
  }

 private:
  const std::vector<EpisodeScore>& Of(Ablation ablation) const {
    return std::ranges::find(scores_, ablation, &evaluate::AblationScores::ablation)->episodes;
  }

  // The others would dilute the mean.
  std::vector<EpisodeScore> WithOpposites(std::vector<EpisodeScore> episodes) const {
    std::erase_if(episodes, [this](const EpisodeScore& e) {
      return evaluate::SwapOpposites(*space_.traits, e.instruction) == e.instruction;
    });
    return episodes;
  }

  void Judge(Ablation ablation, const std::vector<EpisodeScore>& episodes, Check& check) const {
    const Estimate moved = evaluate::Movement(space_, episodes);
    const bool enough = moved.value >= limit_;  // false for no number
    check.passed = check.passed && enough;
    check.detail += fmt::format("{}{} by {}{}", check.detail.empty() ? "moved: " : ", ", Name(ablation), Format(moved),
                                enough ? "" : " TOO LITTLE");
    AddFigures(std::string(Name(ablation)), moved, check);
  }

  Check Finished(Check check) const {
    check.detail += fmt::format("; limit {}: arithmetic does 1e-5, looking and listening 0.2", limit_);
    check.figures.emplace_back("limit", limit_);
    return check;
  }

  evaluate::ActionSpace space_;
  std::vector<evaluate::AblationScores> scores_;
  double limit_;
};

}  // namespace

Status CheckAblations(const JudgedPolicy& policy, const data::EpisodeSet& episodes, const AblationCheckOptions& options,
                      Log& log, Report& report) {
  std::vector<Ablation> ablations{Ablation::kGrayImage, Ablation::kFrozenImage, Ablation::kShuffledImages,
                                  Ablation::kOneFrame};
  const auto& opposites = policy.space.traits->opposite_phrases;
  const bool told = policy.no_instruction_because.empty();
  const bool hears = told && !opposites.empty();
  if (hears) ablations.insert(ablations.end(), {Ablation::kSwappedInstruction, Ablation::kNoInstruction});
  VLAQ_ASSIGN_OR_RETURN(auto scores,
                        evaluate::ScoreAblations(policy.policies, episodes, ablations, options.threads, log));
  const Verdicts verdicts(policy, std::move(scores), options.least_movement);
  report.checks.push_back(verdicts.Image());
  std::optional<Check> instruction = hears ? verdicts.Instruction() : std::nullopt;
  if (instruction) {
    report.checks.push_back(*std::move(instruction));
  } else {
    std::string reason = policy.no_instruction_because;
    if (told) reason = "no opposite of an instruction is known of its family";
    if (hears) {
      reason = fmt::format("no instruction of these episodes says {} or {}", opposites[0].first, opposites[0].second);
    }
    report.untestable.push_back({kAblationStage, "instruction", reason});
  }
  for (const Ablation ablation : ablations) report.evidence.open_loop_ablations.emplace_back(Name(ablation));
  report.evidence.limits.push_back({"least_movement", options.least_movement, std::string(kReason)});
  return {};
}

}  // namespace vlaq::verify
