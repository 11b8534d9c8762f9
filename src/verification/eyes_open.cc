#include "verification/eyes_open.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "evaluation/condition.h"
#include "evaluation/open_loop_evaluation.h"

namespace vlaq::verification {
namespace {

using evaluation::Condition;
using evaluation::EpisodeScore;
using evaluation::Estimate;

constexpr int kEyesOpenRung = 4;
constexpr std::string_view kReason =
    "normalised, per step and axis; arithmetic moves actions by 1e-5, looking and listening by 0.2 and more";

// Movements that were measured, put into checks.
class Verdicts {
 public:
  Verdicts(const Contender& policy, std::vector<evaluation::ConditionScores> scores, double limit)
      : space_(policy.space), scores_(std::move(scores)), limit_(limit) {}

  Check Image() const {
    Check check{kEyesOpenRung, "image", true, "", {}};
    for (const Condition condition : {Condition::kBlank, Condition::kFrozen, Condition::kShuffled}) {
      Judge(condition, Of(condition), check);
    }
    AddFigures(std::string(Name(Condition::kOneFrame)), evaluation::Movement(space_, Of(Condition::kOneFrame)), check);
    return Finished(std::move(check));
  }

  // nullopt if no instruction changes when its opposite is taken.
  std::optional<Check> Instruction() const {
    const std::vector<EpisodeScore> swapped = WithOpposites(Of(Condition::kSwapped));
    if (swapped.empty()) return std::nullopt;
    Check check{kEyesOpenRung, "instruction", true, "", {}};
    Judge(Condition::kSwapped, swapped, check);
    const Estimate deaf = evaluation::Movement(space_, WithOpposites(Of(Condition::kDeaf)));
    check.detail += fmt::format(", {} by {} (not judged)", Name(Condition::kDeaf), Words(deaf));
    AddFigures(std::string(Name(Condition::kDeaf)), deaf, check);
    check.figures.emplace_back("episodes", static_cast<double>(swapped.size()));
    return Finished(std::move(check));
  }

 private:
  const std::vector<EpisodeScore>& Of(Condition condition) const {
    return std::ranges::find(scores_, condition, &evaluation::ConditionScores::condition)->episodes;
  }

  // The others would dilute the mean.
  std::vector<EpisodeScore> WithOpposites(std::vector<EpisodeScore> episodes) const {
    std::erase_if(episodes, [this](const EpisodeScore& e) {
      return evaluation::SwapOpposites(*space_.traits, e.instruction) == e.instruction;
    });
    return episodes;
  }

  void Judge(Condition condition, const std::vector<EpisodeScore>& episodes, Check& check) const {
    const Estimate moved = evaluation::Movement(space_, episodes);
    const bool enough = moved.value >= limit_;  // false for no number
    check.passed = check.passed && enough;
    check.detail += fmt::format("{}{} by {}{}", check.detail.empty() ? "moved: " : ", ", Name(condition), Words(moved),
                                enough ? "" : " TOO LITTLE");
    AddFigures(std::string(Name(condition)), moved, check);
  }

  Check Finished(Check check) const {
    check.detail += fmt::format("; limit {}: arithmetic does 1e-5, looking and listening 0.2", limit_);
    check.figures.emplace_back("limit", limit_);
    return check;
  }

  evaluation::ActionSpace space_;
  std::vector<evaluation::ConditionScores> scores_;
  double limit_;
};

}  // namespace

Status CheckEyesOpen(const Contender& policy, const episode::EpisodeSet& episodes, const EyesOpenOptions& options,
                     Log& log, Report& report) {
  std::vector<Condition> conditions{Condition::kBlank, Condition::kFrozen, Condition::kShuffled, Condition::kOneFrame};
  const auto& opposites = policy.space.traits->opposite_phrases;
  const bool told = policy.deaf_because.empty();
  const bool hears = told && !opposites.empty();
  if (hears) conditions.insert(conditions.end(), {Condition::kSwapped, Condition::kDeaf});
  VLAQ_ASSIGN_OR_RETURN(auto scores,
                        evaluation::ScoreConditions(policy.drivers, episodes, conditions, options.threads, log));
  const Verdicts verdicts(policy, std::move(scores), options.least_movement);
  report.checks.push_back(verdicts.Image());
  std::optional<Check> instruction = hears ? verdicts.Instruction() : std::nullopt;
  if (instruction) {
    report.checks.push_back(*std::move(instruction));
  } else {
    std::string reason = policy.deaf_because;
    if (told) reason = "no opposite of an instruction is known of its family";
    if (hears) {
      reason = fmt::format("no instruction of these episodes says {} or {}", opposites[0].first, opposites[0].second);
    }
    report.untestable.push_back({kEyesOpenRung, "instruction", reason});
  }
  for (const Condition condition : conditions) report.evidence.open_loop_conditions.emplace_back(Name(condition));
  report.evidence.limits.push_back({"least_movement", options.least_movement, std::string(kReason)});
  return {};
}

}  // namespace vlaq::verification
