#include <fmt/format.h>

#include <optional>

#include "cli/verify_arguments.h"
#include "verify/ablation_check.h"
#include "verify/closed_loop_check.h"
#include "verify/open_loop_check.h"
#include "verify/pictures_check.h"
#include "verify/precision_bounds.h"

namespace vlaq::cli {
namespace {

using verify::JudgedPolicy;

JudgedPolicy AsJudged(const OpenedPolicy& opened) {
  const evaluate::BundlePolicyFactory& policies = *opened.policies;
  JudgedPolicy judged{policies, policies.space(), ""};
  judged.fixed_prompt = policies.exported_instruction();
  judged.reads_instruction = policies.reads_instructions();
  if (policies.follows_instructions()) return judged;
  judged.no_instruction_because =
      policies.reads_instructions()
          ? "it holds no tokenizer, so it cannot be given another instruction; --tokenizer helps"
          : "it reads no instruction, or the one of its export is baked into its graphs";
  return judged;
}

// What every check that drives is given.
struct Driving {
  const VerifyArguments& a;
  const backend::Backend& backend;
  int threads;
  Log& log;
  verify::Report& report;
};

Status OnRecordings(const Driving& d, const JudgedPolicy& policy, const JudgedPolicy* reference, bool quantized,
                    const data::EpisodeSet& episodes, std::optional<double> validation_mae) {
  verify::OpenLoopCheckOptions open_loop;
  open_loop.max_mae_increase =
      d.a.max_mae_increase.value_or(quantized ? verify::kMaxMaeIncrease : open_loop.max_mae_increase);
  open_loop.max_mae = d.a.max_mae;
  open_loop.validation_mae = validation_mae;
  open_loop.threads = d.threads;
  VLAQ_RETURN_IF_ERROR(verify::CheckOpenLoop(policy, reference, episodes, open_loop, d.log, d.report));
  verify::AblationCheckOptions options;
  options.threads = d.threads;
  return verify::CheckAblations(policy, episodes, options, d.log, d.report);
}

// The one camera whose pictures are made by settings; null if there is none, or there are several.
const policy::Input* CameraOf(const policy::Policy& policy) {
  const policy::Input* camera = nullptr;
  for (const policy::Input& input : policy.inputs) {
    if (input.type != policy::InputType::kImage) continue;
    if (camera != nullptr) return nullptr;
    camera = &input;
  }
  return camera != nullptr && camera->layout == policy::ImageLayout::kChw ? camera : nullptr;
}

Status PicturesOn(const Driving& d, const OpenedPolicy& opened, const JudgedPolicy& policy,
                  const data::EpisodeSet& episodes) {
  const policy::Input* camera = CameraOf(opened.bundle().policy);
  if (camera == nullptr) return {};
  backend::OpenOptions options = d.a.backend.Options();
  options.threads = 1;  // as OpenPolicy()
  const verify::WithPictures make =
      [&](const image::PreprocessSpec& settings) -> Result<std::unique_ptr<evaluate::PolicyFactory>> {
    bundle::Bundle other = opened.bundle();
    for (policy::Input& input : other.policy.inputs) {
      if (input.name == camera->name) input.preprocess = settings;
    }
    VLAQ_ASSIGN_OR_RETURN(
        auto policies, evaluate::BundlePolicyFactory::Open(std::move(other), d.backend, options, d.a.files.tokenizer));
    return std::unique_ptr<evaluate::PolicyFactory>(std::move(policies));
  };
  verify::PicturesCheckOptions pictures;
  pictures.threads = d.threads;
  return verify::CheckPictures(policy, camera->preprocess, make, episodes, pictures, d.log, d.report);
}

Status InSimulation(const Driving& d, const JudgedPolicy& policy, const JudgedPolicy* reference) {
  evaluate::RolloutOptions options;
  options.first_seed = d.a.seed;
  options.episodes = d.a.sim;
  options.threads = d.threads;
  VLAQ_ASSIGN_OR_RETURN(options.world, d.a.world.Options());
  verify::ClosedLoopLimits limits;
  if (d.a.min_success) limits.least_success = *d.a.min_success / 100;
  return verify::CheckClosedLoop(policy, reference, options, limits, d.log, d.report);
}

}  // namespace

Result<std::optional<data::EpisodeSet>> OpenEpisodes(const VerifyArguments& a, const bundle::Bundle& bundle, Log& log,
                                                     verify::Report& report) {
  if (!a.episodes.given()) return std::optional<data::EpisodeSet>();
  auto set = a.episodes.Open(log);
  if (!set.ok()) {
    Error error = set.error();
    if (error.advice.find("--skip-bad") != std::string::npos) {
      error.advice = "a proof leaves no episode out: move broken files away";
    }
    return error;
  }
  report.evidence.exclude = a.episodes.exclude;
  VLAQ_ASSIGN_OR_RETURN(report.evidence.overlap, CheckNotUsed(bundle, *set, a.episodes.allow_overlap, log));
  if (!report.evidence.overlap.empty()) {
    report.notes.push_back(
        fmt::format("{} of {} episodes were used to make the bundle: figures on them are better than on others",
                    report.evidence.overlap.size(), set->size()));
  }
  return std::optional(*std::move(set));
}

void AddDriveOptions(CLI::App& app, VerifyArguments& a) {
  const std::string group = "Driving";
  CLI::Option* episodes = a.episodes.AddTo(
      app, "Recorded episodes, on which the actions are compared, and frames and instructions taken away", group);
  a.episodes.AddOverlapTo(app, episodes, group);
  CLI::Option* reference =
      app.add_option("--reference", a.reference,
                     "The source of a quantized bundle, which it is compared with tensor by tensor and must not drive "
                     "worse than; or a bundle or checkpoint to drive against")
          ->type_name("BUNDLE")
          ->group(group);
  app.add_option(
         "--max-mae-increase", a.max_mae_increase,
         fmt::format("Against the reference, normalized: the 95 % interval must lie below it (default {}, for a "
                     "quantized bundle {})",
                     verify::OpenLoopCheckOptions{}.max_mae_increase, verify::kMaxMaeIncrease))
      ->check(CLI::NonNegativeNumber)
      ->type_name("FLOAT")
      ->needs(reference)
      ->group(group);
  app.add_option("--max-mae", a.max_mae,
                 "The largest mean error against what was recorded, normalized (-1 to 1) as a training's val_mae is")
      ->check(CLI::NonNegativeNumber)
      ->type_name("FLOAT")
      ->needs(episodes)
      ->group(group);
  CLI::Option* sim =
      app.add_option("--rollouts", a.sim, "Number of episodes to drive in the simulator, and check that they arrive")
          ->check(CLI::PositiveNumber)
          ->type_name("N")
          ->group(group);
  app.add_option("--seed", a.seed, "Seed of the first simulated episode; the next ones count up")
      ->type_name("UINT")
      ->capture_default_str()
      ->needs(sim)
      ->group(group);
  app.add_option("--min-success", a.min_success,
                 "The smallest share of simulated episodes that must arrive, in percent")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("PERCENT")
      ->needs(sim)
      ->group(group);
  const std::string numbers = "Numbers";
  app.add_option("--max-action-diff", a.tolerance.actions,
                 "The largest difference between two actions, in their unit (m/s), in place of the precision's limit")
      ->check(CLI::NonNegativeNumber)
      ->type_name("FLOAT")
      ->group(numbers);
  app.add_option("--atol", a.tolerance.absolute,
                 "Absolute tolerance of stages, features and actions, in place of the precision's limits: "
                 "|a - b| <= atol + rtol |b|")
      ->check(CLI::NonNegativeNumber)
      ->type_name("FLOAT")
      ->group(numbers);
  app.add_option("--rtol", a.tolerance.relative, "Relative tolerance, with --atol")
      ->check(CLI::NonNegativeNumber)
      ->type_name("FLOAT")
      ->group(numbers);
  a.files.AddTo(
      app,
      "A policy.json of your own that the bundle's settings are compared with; for a checkpoint, what it does not say");
  a.world.AddTo(app);
}

Status CheckDriveArguments(const VerifyArguments& a) {
  if (!a.reference.empty() && !a.drives() && !bundle::IsBundle(a.reference)) {
    return UsageError("a checkpoint as --reference needs something to drive",
                      "give --episodes DIR, --rollouts N, or both");
  }
  if (a.sim == 0) return {};
  VLAQ_RETURN_IF_ERROR(verify::CheckSimulator());
  VLAQ_RETURN_IF_ERROR(a.world.Options());
  return {};
}

Status Drive(const VerifyArguments& a, const data::EpisodeSet* episodes, std::optional<double> validation_mae,
             const backend::Backend& backend, Log& log, verify::Report& report) {
  if (!a.drives()) return {};
  VLAQ_ASSIGN_OR_RETURN(const OpenedPolicy opened, OpenPolicy(a.bundle, a.files, a.backend.Options(), backend, log));
  VLAQ_ASSIGN_OR_RETURN(report.evidence.policy, opened.Describe(a.bundle));
  const auto completed = [&](JudgedPolicy judged) -> Result<JudgedPolicy> {
    if (episodes == nullptr) return judged;
    VLAQ_ASSIGN_OR_RETURN(const auto episode, episodes->OpenEpisode(0));
    auto space = evaluate::CompletedBy(judged.space, episode->action());
    if (!space.ok()) return Within(episodes->path(0).string(), space.error());
    judged.space = *std::move(space);
    return judged;
  };
  const Driving d{a, backend, evaluate::ChooseParallelism(opened.bundle(), a.backend.threads, log), log, report};
  VLAQ_ASSIGN_OR_RETURN(const JudgedPolicy policy, completed(AsJudged(opened)));
  std::optional<OpenedPolicy> other;
  std::optional<JudgedPolicy> reference;
  if (!a.reference.empty()) {
    VLAQ_ASSIGN_OR_RETURN(other, OpenPolicy(a.reference, a.files, a.backend.Options().ForSource(), backend, log));
    VLAQ_ASSIGN_OR_RETURN(JudgedPolicy judged, completed(AsJudged(*other)));
    reference.emplace(std::move(judged));
    VLAQ_ASSIGN_OR_RETURN(report.evidence.reference, other->Describe(a.reference));
  }
  const JudgedPolicy* against = reference ? &*reference : nullptr;
  if (episodes != nullptr) {
    // A bundle with a source has the source's settings, and golden data may have shown them already.
    if (a.reference.empty() && !report.shown.contains(verify::Shown::kGoldenPixels) &&
        (policy.no_instruction_because.empty() || !policy.reads_instruction)) {
      VLAQ_RETURN_IF_ERROR(PicturesOn(d, opened, policy, *episodes));
    }
    VLAQ_RETURN_IF_ERROR(OnRecordings(d, policy, against, opened.bundle().plan.has_value(), *episodes, validation_mae));
  }
  if (a.sim > 0) VLAQ_RETURN_IF_ERROR(InSimulation(d, policy, against));
  return {};
}

}  // namespace vlaq::cli
