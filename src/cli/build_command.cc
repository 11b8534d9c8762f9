#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/build_text.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/frame_argument.h"
#include "deployment/engine_job.h"
#include "deployment/engines.h"

namespace vlaq::cli {
namespace {

using deployment::EngineJob;
using deployment::EngineJobRequest;

struct BuildArguments {
  std::vector<std::string> bundles, precisions, parts, frames;
  std::filesystem::path engine_dir, plan_output, reference, estimate;
  std::string trtexec, tensorrt;
  uint64_t workspace = 0;  // bytes
  uint64_t samples = 64;   // windows at most
  double timeout_s = 3 * 3600, seconds = 10, min_gain = 0.05, max_difference = 0;
  bool dry_run = false, choose = false, measure = false, force = false, json = false;
  BackendChoice backend;  // of the reference
};

// Options that the command line takes one by one, and that mean nothing, or two things, together.
Status CheckArguments(const BuildArguments& a, bool backend_given) {
  if (a.choose && a.plan_output.empty()) {
    return UsageError("--choose edits a plan: where to?", "give -o plan.json");
  }
  if ((a.choose || a.measure) && a.dry_run) return UsageError("--dry-run runs nothing, so nothing can be compared");
  if (a.max_difference > 0 && a.reference.empty()) {
    return UsageError("--max-difference needs the fp32 policy", "give --reference BUNDLE --frames SRC");
  }
  if (a.reference.empty() != a.frames.empty()) return UsageError("--reference and --frames belong together");
  if (a.reference.empty()) {
    return backend_given ? Status(UsageError("the options of the back end are for running --reference",
                                             "give --reference BUNDLE --frames SRC, or leave them out"))
                         : Status();
  }
  if (!a.measure && a.max_difference <= 0) {
    return UsageError("--reference is compared with for --measure and --choose --max-difference", "add one of them");
  }
  if (!a.backend.engines.empty()) return UsageError("--engines: the fp32 policy has none", "leave it out");
  return {};
}

// Trtexec takes whole MiB.
Result<uint64_t> WorkspaceMib(uint64_t bytes) {
  constexpr uint64_t kMib = uint64_t{1} << 20U;
  if (bytes % kMib == 0) return bytes / kMib;
  return UsageError(fmt::format("--workspace: {} bytes are no whole number of MiB, which is what trtexec takes", bytes),
                    fmt::format("say {}MiB", std::max<uint64_t>(1, bytes / kMib)));
}

Result<EngineJobRequest> RequestOf(const BuildArguments& a, std::vector<bundle::Bundle> bundles,
                                   const engine::BuildOptionsOfUser& options) {
  EngineJobRequest request;
  request.bundles = std::move(bundles);
  request.graphs = a.parts;
  request.trtexec = a.trtexec;
  request.tensorrt = a.tensorrt;
  request.options = options;
  if (a.choose) {
    request.choice.emplace(deployment::ChoiceRequest{a.plan_output, a.min_gain, {}});
    if (a.max_difference > 0) request.choice->largest_difference = a.max_difference;
  }
  if (a.measure) request.measure.emplace(deployment::MeasureRequest{a.seconds, a.estimate});
  if (!a.reference.empty()) {
    deployment::ReferenceRequest& reference = request.reference.emplace();
    reference.bundle = a.reference;
    VLAQ_ASSIGN_OR_RETURN(reference.frames, OpenFrames(a.frames));
    VLAQ_ASSIGN_OR_RETURN(reference.backend, a.backend.Make());
    reference.options = a.backend.Options();
    reference.windows = static_cast<size_t>(a.samples);
  }
  return request;
}

Status Choose(const BuildArguments& a, EngineJob& job, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const deployment::ChosenPlan chosen, job.Choose(context.log));
  PrintChoice(chosen.choice, a.plan_output, a.json ? context.err : context.out);
  if (!chosen.not_measured.empty()) {
    context.log.Warning(fmt::format("the plan's times are not measured: {}", fmt::join(chosen.not_measured, "; ")));
  }
  return {};
}

Status RunBuild(const BuildArguments& a, bool backend_given, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const uint64_t workspace_mib, WorkspaceMib(a.workspace));
  VLAQ_ASSIGN_OR_RETURN(std::vector<bundle::Bundle> bundles, deployment::OpenBundles(a.bundles, a.precisions));
  VLAQ_RETURN_IF_ERROR(CheckArguments(a, backend_given));
  const engine::BuildOptionsOfUser options{a.engine_dir, workspace_mib, a.timeout_s, WhenExisting(a.force), {}};
  if (a.dry_run) {
    VLAQ_ASSIGN_OR_RETURN(const auto commands, deployment::CommandsFor(bundles, a.parts, a.tensorrt, options));
    PrintCommands(commands, a.trtexec, a.json, context.out);
    return {};
  }
  VLAQ_ASSIGN_OR_RETURN(EngineJobRequest request, RequestOf(a, std::move(bundles), options));
  VLAQ_ASSIGN_OR_RETURN(EngineJob job, EngineJob::Prepare(std::move(request)));
  VLAQ_RETURN_IF_ERROR(job.Build(context.log));
  Status outcome = job.Outcome();
  if (job.engines().empty()) return outcome;
  PrintBuilt(job, a.json, context.out);
  // One does not keep the other from its output.
  if (a.choose && outcome.ok()) outcome = Choose(a, job, context);
  if (!a.measure) return outcome;
  const deployment::Measured measured = job.Measure(context.log);
  if (!measured.written.empty()) {
    (a.json ? context.err : context.out) << fmt::format("\nWritten: {}\n", measured.written.string());
  }
  if (outcome.ok()) return measured.outcome;
  if (!measured.outcome.ok()) context.log.Warning(measured.outcome.error().ToString());
  return outcome;
}

constexpr const char* kBackendGroup = "Back end (of --reference alone)";

void AddOptions(CLI::App& app, BuildArguments& a) {
  app.add_option("bundles", a.bundles, "Bundles for TensorRT, one for each precision: fp16, int8, int4 or mixed")
      ->required();
  app.add_option("--engine-dir", a.engine_dir, "Folder for the engines; it may be there")->type_name("DIR")->required();
  OneOf(app.add_option("--precision", a.precisions, "Engines to build; default: one for each bundle")
            ->delimiter(',')
            ->allow_extra_args(false),
        {"fp16", "int8", "int4"});
  app.add_option("--parts", a.parts, "Graphs to build, by their names in policy.json; default: all")
      ->type_name("GRAPH,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  const std::string how = "How";
  app.add_option("--trtexec", a.trtexec, "The board's trtexec; default: on PATH, or /usr/src/tensorrt/bin/trtexec")
      ->type_name("FILE")
      ->group(how);
  app.add_option("--tensorrt", a.tensorrt,
                 "TensorRT's version that the board must have (8.6, 10.3), or that a dry run shows")
      ->type_name("VERSION")
      ->group(how);
  AsSize(app.add_option("--workspace", a.workspace, "Limit of scratch memory, e.g. 2GiB; default: TensorRT's own"))
      ->group(how);
  AsTime(app.add_option("--timeout", a.timeout_s, "How long one build may take; a run, that and its own --duration"))
      ->default_str("3h")
      ->group(how);
  app.add_flag("--dry-run", a.dry_run, "Show the commands and run nothing; works on any machine")->group(how);
  const std::string choosing = "INT8 or FP16";
  auto* choose =
      app.add_flag("--choose", a.choose,
                   "Compare both engines layer by layer, and write the INT8 plan with Q/DQ only where they win")
          ->group(choosing);
  app.add_option("-o,--output", a.plan_output, "The edited plan, for vlaq quantize --plan")
      ->type_name("plan.json")
      ->needs(choose)
      ->group(choosing);
  app.add_option("--min-gain", a.min_gain, "Share of FP16's time that INT8 must save")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->needs(choose)
      ->group(choosing);
  app.add_option("--max-difference", a.max_difference,
                 "Largest mean difference of the INT8 engine's actions from fp32's, as the network gives them")
      ->check(CLI::PositiveNumber)
      ->needs(choose)
      ->group(choosing);
  const std::string measuring = "Measuring";
  auto* measure =
      app.add_flag("--measure", a.measure,
                   "Also run the engines and write jetson_tensorrt_results.json; exit code 6 where nothing can be "
                   "measured")
          ->group(measuring);
  AsTime(app.add_option("--duration", a.seconds, "How long each engine runs"))
      ->default_str("10s")
      ->needs(measure)
      ->group(measuring);
  app.add_option("--estimate", a.estimate, "A JSON estimate (vlaq plan device --json) to stand apart in the results")
      ->type_name("FILE")
      ->needs(measure)
      ->group(measuring);
  const std::string comparing = "Actions (for --measure and --max-difference)";
  auto* reference = app.add_option("--reference", a.reference, "The fp32 bundle, for the MAE of the actions")
                        ->type_name("BUNDLE")
                        ->group(comparing);
  app.add_option("--frames", a.frames, "Camera frames for --measure and --choose, as `vlaq run` takes them")
      ->type_name("SRC")
      ->group(comparing);
  app.add_option("--samples", a.samples, "Windows of the frames at most, spread evenly over them")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->needs(reference)
      ->group(comparing);
  AddForceFlag(app, a.force);
  AddJsonFlag(app, a.json);
  a.backend.AddTo(app, kBackendGroup);
  app.footer(
      "Engines are built on the board that runs them. One that is there and was made of the same is kept; one that "
      "fell back to a wider type is refused (exit code 5). --measure replaces its own earlier results; figures that "
      "were "
      "measured give way to none that were not, and to those of fewer engines only with --force.\n\n"
      "Examples:\n"
      "  vlaq build policy_fp16 policy_int8 --engine-dir jetson_tensorrt_models\n"
      "  vlaq build policy_int8 --engine-dir jetson_tensorrt_models --parts encoder,decoder --dry-run\n"
      "  vlaq build policy_fp16 policy_int8 --engine-dir jetson_tensorrt_models --choose -o plan.json\n"
      "  vlaq build policy_fp16 policy_int8 --engine-dir jetson_tensorrt_models --measure --reference policy "
      "--frames "
      "episode/");
}

}  // namespace

Action AddBuild(CLI::App& app, Context& context) {
  auto a = std::make_shared<BuildArguments>();
  AddOptions(app, *a);
  return [a, &app, &context]() -> Status {
    const auto options = app.get_options();
    const bool backend_given = std::any_of(options.begin(), options.end(), [](const CLI::Option* option) {
      return option->get_group() == kBackendGroup && option->count() > 0;
    });
    return RunBuild(*a, backend_given, context);
  };
}

}  // namespace vlaq::cli
