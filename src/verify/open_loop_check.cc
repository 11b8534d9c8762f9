#include "verify/open_loop_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "data/content.h"
#include "data/split.h"
#include "evaluate/baseline.h"
#include "evaluate/open_loop_evaluation.h"

namespace vlaq::verify {
namespace {

using evaluate::EpisodeScore;
using evaluate::Estimate;
using evaluate::OpenLoopPolicy;
using evaluate::Score;

constexpr int kOpenLoopRung = 3;

Result<OpenLoopPolicy> ScoreOf(const JudgedPolicy& judged, const data::EpisodeSet& episodes, int threads, Log& log) {
  evaluate::OpenLoopOptions options;
  options.threads = threads;
  VLAQ_ASSIGN_OR_RETURN(std::vector<EpisodeScore> scores,
                        evaluate::ScoreEpisodes(judged.policies, episodes, options, log));
  return OpenLoopPolicy{{}, judged.space, {{evaluate::Ablation::kNone, std::move(scores)}}};
}

Score TotalOf(const OpenLoopPolicy& evaluated) { return evaluate::Total(evaluated.ablations[0].episodes); }

const std::vector<EpisodeScore>& EpisodesOf(const OpenLoopPolicy& evaluated) { return evaluated.ablations[0].episodes; }

std::vector<std::pair<std::string, double>> FiguresOf(const Score& total, const evaluate::ActionSpace& space) {
  const size_t axes = evaluate::AxesOf(space);
  std::vector<std::pair<std::string, double>> figures{{"mae", total.Mae(axes)},
                                                      {"mae_raw", total.RawMae(axes)},
                                                      {"rmse", total.Rmse(axes)},
                                                      {"steps", static_cast<double>(total.steps)}};
  if (space.traits->action_classes) figures.emplace_back("direction_agreement", total.DirectionAgreement());
  for (size_t axis = 0; axis < axes; ++axis) {
    figures.emplace_back(fmt::format("mae_{}", space.AxisName(axis)), total.MaeOf(axis));
  }
  return figures;
}

std::string ErrorText(const Score& total, const evaluate::ActionSpace& space, size_t episodes) {
  const size_t axes = evaluate::AxesOf(space);
  return fmt::format("MAE {:.4f} {} ({:.4f} normalized) over {}, {}", total.RawMae(axes), space.UnitText(),
                     total.Mae(axes), Counted(episodes, "episode"), Counted(total.steps, "step"));
}

// Stage 3 of one policy, without a reference.
class RecordJudging {
 public:
  RecordJudging(const OpenLoopPolicy& policy, const evaluate::Baselines& baselines, const OpenLoopCheckOptions& options)
      : policy_(policy),
        baselines_(baselines),
        options_(options),
        axes_(evaluate::AxesOf(policy.space)),
        total_(TotalOf(policy)) {}

  void Run(Report& report) const {
    if (!std::isfinite(total_.Mae(axes_))) {
      report.checks.push_back(Judged("recorded actions", false, "the policy's actions are no numbers"));
      return;
    }
    if (HasScale()) report.checks.push_back(Scale());  // explains what follows, if it is wrong
    Recorded(report);
    if (policy_.space.traits->action_classes) Directions(report);
    if (options_.max_mae) report.checks.push_back(Most("largest error", *options_.max_mae, "as asked"));
    if (options_.validation_mae) {
      report.checks.push_back(
          Most("validation error", kOfValidation * *options_.validation_mae,
               fmt::format("{} times the checkpoint's own val_mae {:.4f}", kOfValidation, *options_.validation_mae)));
    }
    for (Limit& limit : Limits()) report.evidence.limits.push_back(std::move(limit));
  }

 private:
  // Other episodes than those of the training's validation may be twice as hard.
  static constexpr double kOfValidation = 2;
  // Where the actions go with the record, the scale that fits best lies within this factor of the one that is claimed;
  // a good policy fits within 5 %.
  static constexpr double kScaleFactor = 1.5;
  static constexpr double kGoesWith = 0.5;    // cosine
  static constexpr double kMinPeak = 0.1;     // of the scale: slower than that nobody records
  static constexpr double kMaxBeyond = 0.05;  // of the recorded values
  static constexpr double kOneDirection = 0.95;

  static Check Judged(std::string name, bool passed, std::string detail) {
    return {kOpenLoopRung, std::move(name), passed, std::move(detail), {}, Against::kEpisodes};
  }

  void Recorded(Report& report) const {
    const auto& episodes = EpisodesOf(policy_);
    const std::string found = ErrorText(total_, policy_.space, episodes.size());
    if (episodes.size() < 2) {
      report.untestable.push_back(
          {kOpenLoopRung, "recorded actions", found + "; one episode shows no difference: take more", true});
      return;
    }
    const Estimate constant = evaluate::RawMaeDifference(policy_.space, episodes, baselines_.constant);
    const Estimate repeat = evaluate::RawMaeDifference(policy_.space, episodes, baselines_.repeat);
    const bool better = constant.interval.high < 0 && repeat.interval.high < 0;
    const auto against = [](const Estimate& difference) {
      return fmt::format("{:+.4f} ({:+.4f} to {:+.4f}){}", difference.value, difference.interval.low,
                         difference.interval.high, difference.interval.high < 0 ? "" : " NOT BETTER");
    };
    Check check =
        Judged("recorded actions", better,
               fmt::format("{}; against the best constant action {}, against repeating the last recorded one {}", found,
                           against(constant), against(repeat)));
    check.figures = FiguresOf(total_, policy_.space);
    AddFigures("against_constant", constant, check);
    AddFigures("against_repeat", repeat, check);
    report.action_units = policy_.space.UnitText();
    if (better) report.shown.insert(Shown::kEpisodes);
    report.checks.push_back(std::move(check));
  }

  void Directions(Report& report) const {
    int64_t most = 0;
    for (const auto& row : total_.directions)
      most = std::max(most, std::accumulate(row.begin(), row.end(), int64_t{0}));
    const std::string agreement = fmt::format("agree in {:.1f} %", 100 * total_.DirectionAgreement());
    if (EpisodesOf(policy_).size() < 2 ||
        static_cast<double>(most) > kOneDirection * static_cast<double>(total_.steps)) {
      report.untestable.push_back(
          {kOpenLoopRung, "directions", agreement + "; the episodes go one way, or are too few"});
      return;
    }
    const Estimate above = evaluate::DirectionsAboveChance(EpisodesOf(policy_));
    Check check = Judged("directions", above.interval.low > 0,
                         fmt::format("{}, {:+.1f} points above chance ({:+.1f} to {:+.1f})", agreement,
                                     100 * above.value, 100 * above.interval.low, 100 * above.interval.high));
    AddFigures("above_chance", above, check);
    report.checks.push_back(std::move(check));
  }

  // Whether one number says what an action of 1 is, beyond which none goes.
  bool HasScale() const {
    return policy_.space.clipped && policy_.space.scale.size() == 1 && policy_.space.offset.empty();
  }

  Check Scale() const {
    const double scale = std::abs(policy_.space.ScaleOf(0));
    const std::string unit = policy_.space.UnitText();
    const double fitted = total_.FittedScale(axes_), cosine = total_.Cosine(axes_);
    const auto values = static_cast<double>(total_.steps) * static_cast<double>(axes_);
    std::string problem;
    if (static_cast<double>(total_.beyond_scale) > kMaxBeyond * values) {
      problem = fmt::format("{:.1f} % of the recorded commands are larger",
                            100.0 * static_cast<double>(total_.beyond_scale) / values);
    } else if (total_.recorded_most < kMinPeak * scale) {
      problem = fmt::format("no recorded command is larger than {:.4g} {}", total_.recorded_most, unit);
    } else if (cosine > kGoesWith && !(fitted > scale / kScaleFactor && fitted < scale * kScaleFactor)) {
      problem = "its actions fit the recorded commands at another one";
    }
    Check check = Judged("action scale", problem.empty(),
                         fmt::format("an action of 1 is {:.4g} {}{}{}; best fit {:.4g} (cosine {:.2f})", scale, unit,
                                     problem.empty() ? "" : ", but ", problem, fitted, cosine));
    check.figures = {
        {"scale", scale}, {"fitted_scale", fitted}, {"cosine", cosine}, {"recorded_most", total_.recorded_most}};
    return check;
  }

  Check Most(std::string name, double limit, const std::string& why) const {
    const double mae = total_.Mae(axes_);
    Check check = Judged(std::move(name), mae <= limit,
                         fmt::format("MAE {:.4f} normalized, at most {:.4f}: {}", mae, limit, why));
    check.figures = {{"mae", mae}, {"limit", limit}};
    return check;
  }

  static std::vector<Limit> Limits() {
    return {{"better_than_constant_and_repeat", 0,
             "recorded units; the upper end of the 95 % bootstrap interval of the paired difference must lie below it"},
            {"directions_above_chance", 0, "the lower end of the 95 % bootstrap interval must lie above it"},
            {"action_scale_factor", kScaleFactor, "between the claimed scale and the one that fits the record best"}};
  }

  const OpenLoopPolicy& policy_;
  const evaluate::Baselines& baselines_;
  const OpenLoopCheckOptions& options_;
  size_t axes_;
  Score total_;
};

// Why what it does on these episodes says nothing; empty if it does.
std::string WhyNoInstruction(const JudgedPolicy& policy, const std::vector<EpisodeScore>& episodes) {
  if (policy.no_instruction_because.empty() || !policy.reads_instruction) return "";
  const auto other = [&](const EpisodeScore& e) {
    return !e.instruction.empty() && !policy.fixed_prompt.ends_with(e.instruction);
  };
  const auto count = std::count_if(episodes.begin(), episodes.end(), other);
  if (count == 0) return "";
  return fmt::format("{} of {} episodes say what to do, and it cannot be told: {}", count, episodes.size(),
                     policy.no_instruction_because);
}

Check ActionsAgainstReference(const OpenLoopPolicy& policy, const OpenLoopPolicy& reference, double limit) {
  Check check{kOpenLoopRung, "reference actions", false, "", {}};  // a reference is no record: it may be as wrong
  const size_t axes = evaluate::AxesOf(reference.space);
  if (!std::isfinite(TotalOf(policy).Mae(axes)) || !std::isfinite(TotalOf(reference).Mae(axes))) {
    check.detail = "actions that are no numbers do not compare";
    return check;
  }
  const Estimate difference = evaluate::MaeDifference(policy, reference, 0);
  check.passed = difference.interval.high < limit;
  check.detail = fmt::format("MAE {:+.4f} against the reference's {:.4f}, 95 % interval {:+.4f} to {:+.4f}, {} {:.4f}",
                             difference.value, TotalOf(reference).Mae(axes), difference.interval.low,
                             difference.interval.high, check.passed ? "below" : "not below", limit);
  if (!std::isfinite(difference.interval.high)) check.detail += "; one episode gives no interval: take more";
  AddFigures("mae_difference", difference, check);
  check.figures.emplace_back("limit", limit);
  check.figures.emplace_back("reference_mae", TotalOf(reference).Mae(axes));
  if (reference.space.traits->action_classes) {
    check.figures.emplace_back("reference_direction_agreement", TotalOf(reference).DirectionAgreement());
  }
  return check;
}

}  // namespace

Status CheckUnseen(const data::EpisodeSet& episodes, const std::string& name, const std::vector<std::string>& lists,
                   Log& log, Report& report) {
  if (lists.empty()) return {};
  std::vector<data::EpisodeList> seen;
  for (const std::string& list : lists) {
    VLAQ_ASSIGN_OR_RETURN(data::EpisodeList read, data::ReadEpisodeList(list));
    seen.push_back(std::move(read));
  }
  VLAQ_ASSIGN_OR_RETURN(data::SetContent content, data::HashAll(episodes, log));
  const data::EpisodeList own{name, std::move(content.episodes)};
  for (const data::EpisodeList& list : seen) {
    VLAQ_RETURN_IF_ERROR(data::CheckDisjoint(list, own));
    report.evidence.exclude.push_back(list.name);
  }
  return {};
}

Status CheckOpenLoop(const JudgedPolicy& policy, const JudgedPolicy* reference, const data::EpisodeSet& episodes,
                     const OpenLoopCheckOptions& options, Log& log, Report& report) {
  if (reference != nullptr) VLAQ_RETURN_IF_ERROR(CheckComparable(policy, *reference));
  VLAQ_ASSIGN_OR_RETURN(const OpenLoopPolicy own, ScoreOf(policy, episodes, options.threads, log));
  for (const EpisodeScore& e : own.ablations[0].episodes) report.evidence.episodes.push_back({e.name, e.hash});
  report.evidence.open_loop_ablations.emplace_back(Name(evaluate::Ablation::kNone));
  if (const std::string deaf = WhyNoInstruction(policy, EpisodesOf(own)); !deaf.empty()) {
    report.untestable.push_back({kOpenLoopRung, "recorded actions",
                                 ErrorText(TotalOf(own), own.space, EpisodesOf(own).size()) + "; " + deaf, true});
  } else {
    VLAQ_ASSIGN_OR_RETURN(const evaluate::Baselines baselines, evaluate::ScoreBaselines(policy.space, episodes));
    RecordJudging(own, baselines, options).Run(report);
  }
  if (reference == nullptr) return {};
  VLAQ_ASSIGN_OR_RETURN(const OpenLoopPolicy other, ScoreOf(*reference, episodes, options.threads, log));
  report.checks.push_back(ActionsAgainstReference(own, other, options.max_mae_increase));
  report.evidence.limits.push_back(
      {"max_mae_increase", options.max_mae_increase,
       "normalized; the upper end of the 95 % bootstrap interval of the paired difference must lie below it"});
  return {};
}

}  // namespace vlaq::verify
