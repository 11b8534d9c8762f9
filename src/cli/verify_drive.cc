#include <fmt/format.h>

#include <optional>

#include "cli/verify_arguments.h"
#include "verification/closed_loop_check.h"
#include "verification/eyes_open.h"
#include "verification/open_loop_check.h"
#include "verification/precision_bounds.h"

namespace vlaq::cli {
namespace {

using verification::Contender;

Contender AsContender(const OpenedPolicy& opened) {
  Contender contender{*opened.drivers, opened.drivers->space(), ""};
  if (opened.drivers->follows_instructions()) return contender;
  contender.deaf_because = opened.bundle().baked_prompt
                               ? "its prompt is baked in: it hears the instruction of its export only"
                               : "it holds no tokeniser, so it cannot be given another instruction; --tokenizer helps";
  return contender;
}

Status OnRecordings(const VerifyArguments& a, const Contender& policy, const Contender* reference, bool quantized,
                    int threads, Log& log, verification::Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const auto episodes, OpenEpisodes(a));
  const double limit = a.max_mae_increase.value_or(quantized ? verification::kMostMaeIncrease
                                                             : verification::OpenLoopCheckOptions{}.max_mae_increase);
  VLAQ_RETURN_IF_ERROR(verification::CheckOpenLoop(policy, reference, episodes, {limit, threads}, log, report));
  verification::EyesOpenOptions options;
  options.threads = threads;
  return verification::CheckEyesOpen(policy, episodes, options, log, report);
}

Status InSimulation(const VerifyArguments& a, const Contender& policy, const Contender* reference, int threads,
                    Log& log, verification::Report& report) {
  evaluation::RolloutOptions options;
  options.first_seed = a.seed;
  options.episodes = a.sim;
  options.threads = threads;
  VLAQ_ASSIGN_OR_RETURN(options.world, a.world.Options());
  return verification::CheckClosedLoop(policy, reference, options, {}, log, report);
}

}  // namespace

Result<episode::EpisodeSet> OpenEpisodes(const VerifyArguments& a) {
  episode::SetOptions options;
  if (a.bgr) options.read.channel_order = image::ChannelOrder::kBgr;
  auto set = episode::EpisodeSet::Open({a.episodes}, options);
  if (set.ok()) return set;
  Error error = set.error();
  error.advice = "a proof leaves no episode out: move broken files away";
  return error;
}

void AddDriveOptions(CLI::App& app, VerifyArguments& a) {
  const std::string group = "Driving";
  CLI::Option* episodes = app.add_option("--episodes", a.episodes,
                                         "Recorded episodes: does it say what was driven, does it look and listen?")
                              ->type_name("DIR")
                              ->group(group);
  app.add_option("--not-in", a.not_in, "Refuse episodes that are in this part of a split; may be repeated")
      ->allow_extra_args(false)
      ->type_name("split.json:PART")
      ->needs(episodes)
      ->group(group);
  app.add_flag("--bgr", a.bgr, "The recorded frames have blue first, whatever they say")->needs(episodes)->group(group);
  CLI::Option* reference =
      app.add_option("--reference", a.reference,
                     "A bundle or checkpoint that it must not drive worse than; of a quantised bundle "
                     "its source, which it is compared with tensor by tensor")
          ->type_name("BUNDLE")
          ->group(group);
  app.add_option(
         "--max-mae-increase", a.max_mae_increase,
         fmt::format("Against the reference, normalised: the 95 % interval must lie below it (default {}, for a "
                     "quantised bundle {})",
                     verification::OpenLoopCheckOptions{}.max_mae_increase, verification::kMostMaeIncrease))
      ->check(CLI::NonNegativeNumber)
      ->type_name("FLOAT")
      ->needs(reference)
      ->group(group);
  CLI::Option* sim = app.add_option("--sim", a.sim, "Drive this many episodes in the simulator: does it arrive?")
                         ->check(CLI::PositiveNumber)
                         ->type_name("N")
                         ->group(group);
  app.add_option("--seed", a.seed, "Of the first simulated episode; the next ones count up")
      ->type_name("UINT")
      ->capture_default_str()
      ->needs(sim)
      ->group(group);
  a.files.AddTo(app);
  a.world.AddTo(app);
}

Status CheckDriveArguments(const VerifyArguments& a, Log& log, verification::Report& report) {
  if (!a.reference.empty() && !a.drives() && !bundle::IsBundle(a.reference)) {
    return UsageError("a checkpoint as --reference needs something to drive", "give --episodes DIR, --sim N, or both");
  }
  if (a.sim > 0) {
    VLAQ_RETURN_IF_ERROR(verification::CheckSimulator());
    VLAQ_RETURN_IF_ERROR(a.world.Options());
  }
  if (a.episodes.empty()) return {};
  VLAQ_ASSIGN_OR_RETURN(const auto episodes, OpenEpisodes(a));
  return verification::CheckUnseen(episodes, a.episodes.string(), a.not_in, log, report);
}

Status Drive(const VerifyArguments& a, const backend::Backend& backend, Log& log, verification::Report& report) {
  if (!a.drives()) return {};
  VLAQ_ASSIGN_OR_RETURN(const OpenedPolicy opened, OpenPolicy(a.bundle, a.files, a.backend.Options(), backend, log));
  VLAQ_ASSIGN_OR_RETURN(report.evidence.driver, opened.Describe(a.bundle));
  const int threads = evaluation::SideBySide(opened.bundle(), a.backend.threads, log);
  const Contender policy = AsContender(opened);
  std::optional<OpenedPolicy> other;
  std::optional<Contender> reference;
  if (!a.reference.empty()) {
    VLAQ_ASSIGN_OR_RETURN(other, OpenPolicy(a.reference, a.files, a.backend.Options().ForSource(), backend, log));
    reference.emplace(AsContender(*other));
    VLAQ_ASSIGN_OR_RETURN(report.evidence.reference, other->Describe(a.reference));
  }
  const Contender* against = reference ? &*reference : nullptr;
  if (!a.episodes.empty())
    VLAQ_RETURN_IF_ERROR(OnRecordings(a, policy, against, opened.bundle().plan.has_value(), threads, log, report));
  if (a.sim > 0) VLAQ_RETURN_IF_ERROR(InSimulation(a, policy, against, threads, log, report));
  return {};
}

}  // namespace vlaq::cli
