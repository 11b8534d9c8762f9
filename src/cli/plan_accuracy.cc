#include "cli/plan_accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/inspect_text.h"
#include "data/content.h"
#include "quantize/plan/groups.h"
#include "quantize/plan/remembered.h"
#include "quantize/plan/sensitivity_evaluator.h"

namespace vlaq::cli {
namespace {

using plan::AccuracyGoal;
using plan::ActionError;
using plan::GroupSensitivity;
using plan::MixedPrecision;
using plan::Reversion;

std::string LimitsOf(const AccuracyGoal& goal) {
  std::string text;
  if (goal.max_mae_increase) text += fmt::format("MAE increase {:g}", *goal.max_mae_increase);
  if (goal.max_action_diff) {
    text += fmt::format("{}largest action difference {:g}", text.empty() ? "" : ", ", *goal.max_action_diff);
  }
  return text;
}

std::string Format(const ActionError& effect) {
  return fmt::format("MAE {:+.5f} (at most {:+.5f}), actions moved {:.5f} RMS, {:.4f} at most", effect.mae_increase,
                     effect.mae_increase_most, effect.moved_rms, effect.moved_most);
}

Json AsJson(const ActionError& effect) {
  return {{"steps", effect.steps},
          {"mae", OrNull(effect.mae)},
          {"mae_increase", OrNull(effect.mae_increase)},
          {"mae_increase_most", OrNull(effect.mae_increase_most)},
          {"moved_rms", OrNull(effect.moved_rms)},
          {"moved_mean", OrNull(effect.moved_mean)},
          {"moved_most", OrNull(effect.moved_most)},
          {"direction_agreement", OrNull(effect.directions)}};
}

Json AsJson(const MixedPrecision& held) {
  Json reversions = Json::array();
  for (const Reversion& reversion : held.reversions) {
    reversions.push_back({{"group", reversion.group},
                          {"from", reversion.from},
                          {"to", reversion.to},
                          {"kept", reversion.kept},
                          {"effect", AsJson(reversion.after)}});
  }
  return {{"reached", held.reached},     {"before", AsJson(held.before)},
          {"after", AsJson(held.after)}, {"reversions", std::move(reversions)},
          {"restored", held.restored},   {"plans_tried", held.measurements}};
}

std::string Chart(const std::vector<GroupSensitivity>& ranking) {
  double most = 0;
  for (const GroupSensitivity& row : ranking) {
    if (std::isfinite(row.effect.moved_rms)) most = std::max(most, row.effect.moved_rms);
  }
  TextTable table({"group", "format", "moved RMS", "at most", "MAE", ""});
  for (const GroupSensitivity& row : ranking) {
    const double share = most > 0 && std::isfinite(row.effect.moved_rms) ? row.effect.moved_rms / most : 0;
    table.AddRow({row.group, row.format, fmt::format("{:.5f}", row.effect.moved_rms),
                  fmt::format("{:.4f}", row.effect.moved_most), fmt::format("{:+.5f}", row.effect.mae_increase),
                  std::string(static_cast<size_t>(std::lround(kBarWidth * share)), '#')});
  }
  return table.ToString();
}

std::string HeldText(const AccuracyGoal& goal, const MixedPrecision& held) {
  std::string text = fmt::format("\nLimits: {}\n  as asked: {}\n  now:      {}\n  {} plans tried\n", LimitsOf(goal),
                                 Format(held.before), Format(held.after), held.measurements);
  for (const Reversion& reversion : held.reversions) {
    const bool restored = std::find(held.restored.begin(), held.restored.end(), reversion.group) != held.restored.end();
    const std::string_view end = !reversion.kept ? ": worse, taken back" : restored ? ": not needed, restored" : "";
    text += fmt::format("  {}: {} -> {}{}\n", Printable(reversion.group), reversion.from, reversion.to, end);
  }
  return text;
}

std::string AlphaOf(const numerics::Plan& plan) {
  if (plan.smooth.empty()) return "none";
  const double first = plan.smooth.front().alpha;
  const bool same =
      std::all_of(plan.smooth.begin(), plan.smooth.end(), [&](const auto& s) { return s.alpha == first; });
  return same ? fmt::format("{}", first) : "each its own";
}

Status CheckOptions(const PlanAccuracyArguments& a, const data::EpisodeSet& episodes) {
  if (!a.max_mae_increase || episodes.size() > 1) return {};
  return UsageError("--max-mae-increase needs at least two episodes: one gives no interval",
                    "give more, or use --max-action-diff");
}

Error CannotHold(const AccuracyGoal& goal, const MixedPrecision& held) {
  const std::string why = held.reached
                              ? "only with nothing quantized"
                              : fmt::format("the best of {} plans has {}", held.measurements, Format(held.after));
  return {ErrorCode::kVerification, fmt::format("no plan holds {}: {}", LimitsOf(goal), why), "plan",
          "allow more, or try another precision, --smooth, --weight-range mse"};
}

// Whose measurements a file of them may hold, beside the plan's own text.
Result<Json> KeyOf(const PlanAccuracyArguments& a, const data::SetContent& content, const backend::Backend& backend) {
  Json episodes = Json::array();
  for (const data::SplitMember& member : content.episodes) episodes.push_back(member.hash);
  Json key{{"vlaq", kVersion},
           {"episodes", Sha256Hex(AsBytes(JsonString(episodes)))},
           {"ranking-steps", a.ranking_steps},
           {"engine", fmt::format("{}, {}", backend.name(), a.backend.provider)}};
  if (a.tokenizer.empty()) return key;
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord file, bundle::Describe(a.tokenizer));
  key["tokenizer"] = file.sha256;
  return key;
}

}  // namespace

void PlanAccuracyArguments::AddTo(CLI::App& app) {
  const std::string group = "What it does to the actions";
  auto* given = episodes.AddTo(app, "Recorded episodes, other than those calibrated on", group);
  app.add_flag("--sensitivity", sensitivity, "Quantize each group alone, and rank them by how far the actions move")
      ->needs(given)
      ->group(group);
  app.add_option("--max-mae-increase", max_mae_increase,
                 "Revert the worst groups until the 95 % interval lies below it (normalized)")
      ->check(CLI::PositiveNumber)
      ->type_name("FLOAT")
      ->needs(given)
      ->group(group);
  app.add_option("--max-action-diff", max_action_diff,
                 "Revert the worst groups until no action moves further from float32's (normalized)")
      ->check(CLI::PositiveNumber)
      ->type_name("FLOAT")
      ->needs(given)
      ->group(group);
  app.add_option("--ranking-steps", ranking_steps, "Steps to rank groups on; limits are held on all")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->needs(given)
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-plans", max_plans, "Plans to try before giving up")
      ->check(CLI::Range(1, 100'000))
      ->needs(given)
      ->capture_default_str()
      ->group(group);
  app.add_option("--work", work, "Folder for the bundles that are tried; default: beside the plan")
      ->type_name("DIR")
      ->needs(given)
      ->group(group);
  app.add_option("--tokenizer", tokenizer, "SentencePiece model; default: the bundle's own")
      ->type_name("FILE")
      ->needs(given)
      ->group(group);
  backend.AddTo(app);
}

Result<PlanAccuracy> LookAtActions(const PlanAccuracyArguments& a, const bundle::Bundle& bundle,
                                   const numerics::ActivationStatistics* statistics,
                                   const std::filesystem::path& output, std::vector<numerics::Plan> plans, Log& log) {
  PlanAccuracy accuracy;
  VLAQ_ASSIGN_OR_RETURN(const auto episodes, a.episodes.Open(log));
  VLAQ_RETURN_IF_ERROR(CheckOptions(a, episodes));
  if (statistics != nullptr) VLAQ_RETURN_IF_ERROR(plan::CheckNotCalibratedOn(*statistics, episodes, log));
  plan::BundleMeterOptions options;
  options.open = a.backend.Options();
  options.tokenizer = a.tokenizer;
  options.work = a.work.empty() ? std::filesystem::path(output.string() + ".work") : a.work;
  options.threads = a.backend.threads;
  options.ranking_steps = a.ranking_steps;
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  VLAQ_ASSIGN_OR_RETURN(const data::SetContent content, data::HashAll(episodes, log));
  VLAQ_ASSIGN_OR_RETURN(Json key, KeyOf(a, content, *backend));
  VLAQ_ASSIGN_OR_RETURN(auto bundles, plan::OpenBundleEvaluator(bundle, *backend, episodes, statistics, options, log));
  VLAQ_ASSIGN_OR_RETURN(const auto evaluator,
                        plan::Remembering(std::move(bundles), plan::MeasurementsBeside(output), std::move(key), log));
  if (plans.size() > 1) {
    VLAQ_ASSIGN_OR_RETURN(const plan::LeastActionError least, plan::FindLeastActionError(plans, *evaluator, log));
    for (size_t i = 0; i < plans.size(); ++i) {
      accuracy.smoothing.push_back({AlphaOf(plans[i]), least.effects[i], i == least.index});
    }
    std::swap(plans.front(), plans[least.index]);
  }
  accuracy.plan = std::move(plans.front());
  // The plan is chosen by what these episodes say.
  const auto noted = [&content](PlanAccuracy chosen) {
    for (const data::SplitMember& member : content.episodes) {
      chosen.plan.used.push_back({"validation", member.name, member.hash});
    }
    return chosen;
  };
  if (!a.any()) return noted(std::move(accuracy));
  VLAQ_ASSIGN_OR_RETURN(accuracy.ranking, plan::RankGroups(accuracy.plan, *evaluator, log));
  accuracy.goal = {a.max_mae_increase, a.max_action_diff};
  if (!accuracy.goal.any()) return noted(std::move(accuracy));
  VLAQ_ASSIGN_OR_RETURN(accuracy.held, plan::SearchMixedPrecision(accuracy.plan, accuracy.ranking, accuracy.goal,
                                                                  {a.max_plans}, *evaluator, log));
  if (!accuracy.held->reached || plan::QuantizedGroups(accuracy.held->plan).empty()) {
    return CannotHold(accuracy.goal, *accuracy.held);
  }
  accuracy.plan = accuracy.held->plan;
  return noted(std::move(accuracy));
}

std::string Text(const PlanAccuracy& accuracy) {
  std::string text;
  if (!accuracy.smoothing.empty()) {
    TextTable table({"smoothing", "moved RMS", "at most", "MAE"});
    for (const TriedSmoothing& tried : accuracy.smoothing) {
      const std::string mark = tried.taken ? " *" : "";
      table.AddRow({tried.alpha + mark, fmt::format("{:.5f}", tried.effect.moved_rms),
                    fmt::format("{:.4f}", tried.effect.moved_most), fmt::format("{:+.5f}", tried.effect.mae_increase)});
    }
    text += "\nSmoothing that was tried (* taken):\n" + table.ToString();
  }
  if (!accuracy.ranking.empty()) {
    text =
        fmt::format("\nWhat each group does alone, on {} steps (how far actions move from float32's, normalized):\n{}",
                    accuracy.ranking.front().effect.steps, Chart(accuracy.ranking));
  }
  if (accuracy.held) text += HeldText(accuracy.goal, *accuracy.held);
  return text;
}

Json ToJson(const PlanAccuracy& accuracy) {
  Json ranking = Json::array();
  for (const GroupSensitivity& row : accuracy.ranking) {
    ranking.push_back(
        {{"group", row.group}, {"format", row.format}, {"macs", row.macs}, {"effect", AsJson(row.effect)}});
  }
  Json json{{"sensitivity", std::move(ranking)}};
  for (const TriedSmoothing& tried : accuracy.smoothing) {
    json["smoothing"].push_back({{"alpha", tried.alpha}, {"taken", tried.taken}, {"effect", AsJson(tried.effect)}});
  }
  if (!accuracy.held) return json;
  json["limits"] = Json::object();
  if (accuracy.goal.max_mae_increase) json["limits"]["max_mae_increase"] = *accuracy.goal.max_mae_increase;
  if (accuracy.goal.max_action_diff) json["limits"]["max_action_diff"] = *accuracy.goal.max_action_diff;
  json["held"] = AsJson(*accuracy.held);
  return json;
}

}  // namespace vlaq::cli
