#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/build_arguments.h"
#include "cli/verbs.h"
#include "passes/graph_names.h"
#include "runtime/text_encoder.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;
using engine::Board;
using engine::Builder;
using engine::EnginePlan;
using engine::Version;

// A bundle for each precision that is asked for, in that order.
Result<std::vector<bundle::Bundle>> OpenBundles(const BuildArguments& a) {
  std::vector<bundle::Bundle> all;
  for (const std::string& path : a.bundles) {
    VLAQ_ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::Open(path));
    if (engine::EnginePrecision(bundle).empty()) {
      return InputError(
          path, fmt::format("is a {} bundle; engines are made of fp16, int8, int4 and mixed ones", bundle.precision),
          fmt::format("vlaq quantize BUNDLE --target {} --precision int8 -o OUT",
                      bundle.target.empty() ? "tensorrt-8.6" : bundle.target));
    }
    all.push_back(std::move(bundle));
  }
  std::vector<std::string> wanted = a.precisions;
  if (wanted.empty()) {
    for (const auto& bundle : all) wanted.emplace_back(engine::EnginePrecision(bundle));
  }
  std::vector<bundle::Bundle> chosen;
  for (const std::string& precision : wanted) {
    const auto has = [&](const bundle::Bundle& b) { return engine::EnginePrecision(b) == precision; };
    const auto count = std::count_if(all.begin(), all.end(), has);
    if (count == 1) {
      chosen.push_back(*std::find_if(all.begin(), all.end(), has));
      continue;
    }
    return UsageError(fmt::format("{} bundles are for an engine of {}", count == 0 ? "no" : "several", precision),
                      "name one bundle for each: vlaq build FP16_BUNDLE INT8_BUNDLE");
  }
  return chosen;
}

// The graphs that engines are made of. Errors: kUsage for one that the bundle has not.
Result<std::vector<std::string>> GraphsOf(const BuildArguments& a, const bundle::Bundle& bundle) {
  std::vector<std::string> all = passes::GraphsInOrder(bundle.policy);
  for (const std::string& part : a.parts) {
    if (std::ranges::find(all, part) != all.end()) continue;
    return UsageError(fmt::format("--parts: {} has no graph '{}'", bundle.path.string(), part),
                      fmt::format("there are: {}", fmt::join(all, ", ")));
  }
  if (!a.parts.empty()) {
    std::erase_if(all, [&a](const std::string& graph) { return std::ranges::find(a.parts, graph) == a.parts.end(); });
  }
  return all;
}

// How long the values of an instruction become: at least those of one letter, where there is a tokenizer; as a rule
// those of the instruction that the bundle was made with.
Result<engine::TextExtents> TextExtentsOf(const bundle::Bundle& bundle) {
  constexpr int64_t kLongerInstruction = 32;
  VLAQ_ASSIGN_OR_RETURN(const auto encoder, runtime::OpenTextEncoder(bundle, {}));
  engine::TextExtents extents;
  if (encoder == nullptr) return extents;
  const auto shortest =
      encoder->can_encode() ? encoder->Encode("a") : Result<runtime::EncodedTask>(encoder->Exported());
  for (const auto& [name, value] : encoder->Exported().values) {
    engine::TextExtent extent{value.shape(), value.shape(), value.shape()};
    if (shortest.ok()) {
      const auto least = shortest->values.find(name);
      const bool fits = least != shortest->values.end() && least->second.rank() == value.rank();
      for (size_t i = 0; fits && i < extent.least.size(); ++i) {
        extent.least[i] = std::min(extent.least[i], least->second.shape()[i]);
      }
    }
    for (int64_t& largest : extent.largest) largest += kLongerInstruction;
    extents.emplace(name, std::move(extent));
  }
  return extents;
}

Result<std::vector<NamedEngine>> PlanAll(const BuildArguments& a, const std::vector<bundle::Bundle>& bundles,
                                         const Version& version, const std::string& tool_sha256,
                                         const engine::BuildOptionsOfUser& options) {
  std::vector<NamedEngine> engines;
  for (const bundle::Bundle& bundle : bundles) {
    VLAQ_ASSIGN_OR_RETURN(const std::vector<std::string> graphs, GraphsOf(a, bundle));
    engine::BuildOptionsOfUser of_bundle = options;
    VLAQ_ASSIGN_OR_RETURN(of_bundle.text, TextExtentsOf(bundle));
    for (const std::string& graph : graphs) {
      VLAQ_ASSIGN_OR_RETURN(EnginePlan plan, engine::PlanEngine(bundle, graph, version, tool_sha256, of_bundle));
      engines.push_back({std::move(plan), {}});
    }
  }
  return engines;
}

std::string CommandLine(const std::string& program, const std::vector<std::string>& arguments) {
  std::string line = ShellWord(program);
  for (const std::string& argument : arguments) line += " " + ShellWord(argument);
  return line;
}

// What would be run, on whatever machine.
Status DryRun(const BuildArguments& a, const std::vector<bundle::Bundle>& bundles,
              const engine::BuildOptionsOfUser& options, Context& context) {
  const std::optional<Version> usual = engine::VersionOfTarget(bundles.front().target);
  Version version = usual.value_or(Version{});
  if (!a.tensorrt.empty()) {
    VLAQ_ASSIGN_OR_RETURN(version, engine::ParseVersion(a.tensorrt));
  }
  engine::BuildOptionsOfUser anything = options;
  anything.existing = Existing::kReplace;
  VLAQ_ASSIGN_OR_RETURN(const auto engines, PlanAll(a, bundles, version, "", anything));
  const std::string program = a.trtexec.empty() ? "trtexec" : a.trtexec;
  Json list = Json::array();
  for (const NamedEngine& e : engines) {
    VLAQ_ASSIGN_OR_RETURN(const auto arguments, engine::BuildArguments(version, e.plan.request));
    engine::InspectRequest inspect;
    inspect.engine = e.plan.request.engine;
    inspect.layers = inspect.engine + ".layers.json";
    inspect.profile = inspect.engine + ".profile.json";
    inspect.inputs = e.plan.work.inputs;
    const std::string build = CommandLine(program, arguments);
    const std::string check = CommandLine(program, engine::InspectArguments(version, inspect));
    list.push_back({{"engine", e.plan.file.string()}, {"build", build}, {"check", check}});
    if (!a.json) context.out << fmt::format("# {}\n{}\n{}\n\n", e.plan.file.string(), build, check);
  }
  if (a.json) {
    PrintJson({{"schema", "vlaq.build/1"}, {"dry_run", true}, {"tensorrt", version.ToString()}, {"engines", list}},
              context.out);
  } else {
    context.out << fmt::format("For TensorRT {}; nothing was run.\n", version.ToString());
  }
  return {};
}

struct FailedEngine {
  std::filesystem::path file;
  Error error;
};

struct BuiltAll {
  std::vector<NamedEngine> engines;  // those that are there
  std::vector<FailedEngine> failed;

  // The first failure, as that of all of them.
  Status Outcome() const {
    if (failed.empty()) return {};
    Error error = failed.front().error;
    if (engines.empty() && failed.size() == 1) return error;
    std::vector<std::string> names;
    for (const FailedEngine& e : failed) names.push_back(e.file.filename().string());
    error.what =
        fmt::format("{} of {} engines failed ({}){}; the first: {}", failed.size(), failed.size() + engines.size(),
                    fmt::join(names, ", "), engines.empty() ? "" : ", the others are there", error.what);
    return error;
  }
};

// One that fails does not keep the others from being built: a graph that does all at once may not fit into the board's
// memory where those of another schedule do.
BuiltAll BuildAll(const std::vector<NamedEngine>& planned, const Builder& builder, const Board& board,
                  const engine::BuildOptionsOfUser& options, Log& log) {
  BuiltAll all;
  for (const NamedEngine& e : planned) {
    auto built = e.plan.kept ? engine::ReadEngine(e.plan) : engine::BuildEngine(e.plan, builder, board, options, log);
    if (built.ok()) {
      all.engines.push_back({e.plan, std::move(*built)});
      continue;
    }
    all.failed.push_back({e.plan.file, built.error()});
    if (planned.size() > 1) log.Warning(built.error().ToString());
  }
  return all;
}

Json AsJson(const NamedEngine& e) {
  Json shares = Json::object();
  for (const auto& count : e.built.report.by_precision) {
    shares[std::string(engine::PrecisionName(count.precision))] = {{"layers", count.layers},
                                                                   {"share_of_macs", count.macs_share}};
  }
  Json json{{"file", e.plan.file.string()},
            {"part", e.plan.graph},
            {"precision", e.plan.precision},
            {"bundle", e.plan.bundle->path.string()},
            {"state", e.built.built ? "built" : "kept"},
            {"bytes", e.built.bytes},
            {"sha256", e.built.sha256},
            {"as_planned", e.built.report.as_planned},
            {"evidence", e.built.report.evidence},
            {"runs_in", std::move(shares)},
            {"layers", e.built.report.layers},
            {"reformats", e.built.report.reformats},
            {"warnings", e.built.warnings},
            {"measured", e.built.not_measured.empty()}};
  if (!e.built.not_measured.empty()) {
    json["why_not_measured"] = e.built.not_measured;
  } else {
    json["build_seconds"] = e.built.seconds;
    if (e.built.report.layers_ms) json["layers_ms"] = *e.built.report.layers_ms;
    if (e.built.report.reformats_ms) json["reformats_ms"] = *e.built.report.reformats_ms;
  }
  return json;
}

void Print(const BuildArguments& a, const BuiltAll& all, const Builder& builder, const Board& board,
           std::ostream& out) {
  const std::vector<NamedEngine>& engines = all.engines;
  if (a.json) {
    Json failed = Json::array();
    for (const FailedEngine& e : all.failed) failed.push_back({{"file", e.file.string()}, {"why", e.error.ToString()}});
    Json list = Json::array();
    for (const NamedEngine& e : engines) list.push_back(AsJson(e));
    PrintJson({{"schema", "vlaq.build/1"},
               {"dry_run", false},
               {"tensorrt", builder.version.ToString()},
               {"trtexec", {{"path", builder.tool.path.string()}, {"sha256", builder.tool.sha256}}},
               {"board", {{"model", board.model}, {"release", board.release}}},
               {"engines", std::move(list)},
               {"failed", std::move(failed)}},
              out);
    return;
  }
  TextTable table({"engine", "state", "size", "as planned", "layers", "reformats"});
  for (const NamedEngine& e : engines) {
    const auto& report = e.built.report;
    table.AddRow({e.plan.file.filename().string(), e.built.built ? "built" : "kept", HumanBytes(e.built.bytes),
                  !report.proven   ? "not proven"
                  : report.by_size ? "by its size"
                                   : fmt::format("{:.1f} %", 100 * report.as_planned),
                  std::to_string(report.layers), std::to_string(report.reformats)});
  }
  out << fmt::format("TensorRT {} ({})\n\n{}\n", builder.version.ToString(), builder.tool.path.string(),
                     table.ToString());
  for (const NamedEngine& e : engines) {
    out << fmt::format("{}: {}{}\n", e.plan.file.filename().string(),
                       e.plan.kept ? "kept, " + *e.plan.kept + "; " : std::string(), e.built.report.evidence);
  }
  std::vector<std::string> why;
  for (const NamedEngine& e : engines) AddNew(e.built.not_measured, why);
  if (!why.empty()) {
    out << fmt::format("\nNothing here counts as measured: {}.\n", fmt::join(why, "; "));
  }
}

// Options that the command line takes one by one, and that mean nothing, or two things, together.
Status CheckArguments(const BuildArguments& a, const std::vector<bundle::Bundle>& bundles, bool backend_given) {
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
  for (const bundle::Bundle& bundle : bundles) {
    const std::string alone = policy::GraphAlone(bundle.policy);
    if (alone.empty()) {
      return UsageError(
          fmt::format(
              "--reference is compared with an engine that makes the actions alone, and no schedule of {} runs a "
              "single graph",
              bundle.path.string()),
          "leave --reference out");
    }
    if (const size_t inputs = bundle.policy.graphs.at(alone).inputs.size(); inputs != 1) {
      return UsageError(fmt::format("--reference is compared on frames alone, and the graph '{}' of {} takes {} inputs",
                                    alone, bundle.path.string(), inputs),
                        "leave --reference out");
    }
    if (a.parts.empty() || std::ranges::find(a.parts, alone) != a.parts.end()) continue;
    return UsageError("--reference is compared with the whole policy's engine, which is not built",
                      fmt::format("build --parts {}, too", alone));
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

Result<Builder> FindTool(const BuildArguments& a) {
  VLAQ_ASSIGN_OR_RETURN(Builder builder, engine::FindBuilder(a.trtexec));
  if (a.tensorrt.empty()) return builder;
  VLAQ_ASSIGN_OR_RETURN(const Version expected, engine::ParseVersion(a.tensorrt));
  if (expected.major == builder.version.major && expected.minor == builder.version.minor) return builder;
  return Error{ErrorCode::kBackend,
               fmt::format("belongs to TensorRT {}, and --tensorrt says {}", builder.version.ToString(), a.tensorrt),
               builder.tool.path.string(), "name another with --trtexec"};
}

// What --choose and --measure need, looked at before the hours that the engines take.
struct Prepared {
  Json estimate;
  std::optional<Reference> reference;
  Reference* TheReference() { return reference ? &*reference : nullptr; }
};

Result<Prepared> Prepare(const BuildArguments& a, const std::vector<bundle::Bundle>& bundles,
                         const std::vector<NamedEngine>& engines, const Builder& builder, const Board& board) {
  Prepared prepared;
  if (a.choose) VLAQ_RETURN_IF_ERROR(CheckChoice(a, engines));
  if (a.measure) {
    std::vector<std::string> names;
    for (const NamedEngine& e : engines) names.push_back(ResultName(e));
    VLAQ_RETURN_IF_ERROR(CheckEarlierResults(ResultsPath(a), names,
                                             engine::WhyNotMeasured(board, builder.tool, builder.banner), a.force));
  }
  if (!a.estimate.empty()) {
    VLAQ_ASSIGN_OR_RETURN(prepared.estimate, ReadEstimate(a.estimate));
  }
  if (!a.reference.empty()) {
    VLAQ_ASSIGN_OR_RETURN(prepared.reference, Reference::Open(a, bundles));
  }
  return prepared;
}

Status RunBuild(const BuildArguments& a, bool backend_given, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const uint64_t workspace_mib, WorkspaceMib(a.workspace));
  VLAQ_ASSIGN_OR_RETURN(const std::vector<bundle::Bundle> bundles, OpenBundles(a));
  VLAQ_RETURN_IF_ERROR(CheckArguments(a, bundles, backend_given));
  const engine::BuildOptionsOfUser options{a.engine_dir, workspace_mib, a.timeout_s, WhenExisting(a.force), {}};
  if (a.dry_run) return DryRun(a, bundles, options, context);
  VLAQ_ASSIGN_OR_RETURN(const Builder builder, FindTool(a));
  const Board board = engine::ReadBoard("/");
  VLAQ_ASSIGN_OR_RETURN(const auto engines, PlanAll(a, bundles, builder.version, builder.tool.sha256, options));
  VLAQ_ASSIGN_OR_RETURN(Prepared prepared, Prepare(a, bundles, engines, builder, board));
  VLAQ_RETURN_IF_ERROR(MakeFolder(a.engine_dir));
  std::vector<EnginePlan> plans;
  for (const NamedEngine& e : engines) plans.push_back(e.plan);
  VLAQ_RETURN_IF_ERROR(engine::CheckDisk(a.engine_dir, plans));
  const BuiltAll all = BuildAll(engines, builder, board, options, context.log);
  Status chosen = all.Outcome(), measured;
  if (all.engines.empty()) return chosen;
  Print(a, all, builder, board, context.out);
  // One does not keep the other from its output.
  if (a.choose && chosen.ok()) chosen = ChooseByTime(a, all.engines, builder, prepared.TheReference(), context);
  if (a.measure) {
    measured = WriteEngineResults(a, all.engines, builder, board, prepared.TheReference(), prepared.estimate, context);
  }
  if (chosen.ok()) return measured;
  if (!measured.ok()) context.log.Warning(measured.error().ToString());
  return chosen;
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
  app.add_option("--timeout", a.timeout_s, "Seconds that one build may take; a run, that and its own --seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
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
  app.add_option("--least-gain", a.least_gain, "Share of FP16's time that INT8 must save")
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
  app.add_option("--seconds", a.seconds, "Seconds that each engine runs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
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
