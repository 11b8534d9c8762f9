#include "engine/build.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/folder_lock.h"
#include "base/hash.h"
#include "base/text.h"
#include "engine/find.h"
#include "engine/record.h"
#include "engine/tool_run.h"
#include "engine/wrapper.h"
#include "target/precision.h"
#include "target/target.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;

// Where JetPack and NVIDIA's packages put it, which is on nobody's PATH.
constexpr std::array kPlaces{"trtexec", "/usr/src/tensorrt/bin/trtexec"};
constexpr double kRoomForMore = 1.25;  // engines hold more than their weights

std::string Key(const EnginePlan& plan, const Version& version, const std::string& tool_sha256) {
  std::string text = fmt::format("vlaq.engine/1\n{}\n{}\n{}\n", version.ToString(), tool_sha256, plan.precision);
  for (const auto& [file, sha256] : plan.made_of) text += fmt::format("{} {}\n", file, sha256);
  text += fmt::format("{}\n", fmt::join(plan.options, "\n"));
  return Sha256Hex(AsBytes(text));
}

// Why the engine that is there will do; an error if it will not and may not be replaced.
Result<std::optional<std::string>> WhyKept(const EnginePlan& plan, Existing existing) {
  std::error_code error;
  if (!fs::exists(plan.file, error)) return std::optional<std::string>{};
  const auto record = ReadRecord(plan.file);
  std::string why = "it is there, and nothing says what it was made of";
  if (record.ok()) {
    const auto now = bundle::Describe(plan.file);
    const bool same_file = now.ok() && now->sha256 == record->engine_sha256 && now->bytes == record->engine_bytes;
    if (same_file && record->key == plan.key) {
      return std::optional(std::string("its bundle, options and TensorRT are the same as before"));
    }
    why = same_file ? "it was made of another bundle, with other options or by another TensorRT"
                    : "it is not the file that its record describes";
  }
  if (existing == Existing::kReplace) return std::optional<std::string>{};
  return UsageError(fmt::format("{} already exists, and {}", plan.file.string(), why),
                    "give another --engine-dir, or --force to replace it");
}

// The engine as it lies on the disk, loaded and run: its layers with their times.
Status Inspect(const EnginePlan& plan, const Builder& builder, const std::string& engine, double timeout_s,
               BuiltEngine& built, ToolLog& log) {
  Scratch scratch(plan.file);
  InspectRequest request;
  request.engine = engine;
  request.layers = scratch.Path("layers.json");
  request.profile = scratch.Path("profile.json");
  request.inputs = plan.work.inputs;
  VLAQ_ASSIGN_OR_RETURN(ToolRun run, RunTool(builder, InspectArguments(builder.version, request), timeout_s, plan.file,
                                             fmt::format("loading {}", plan.file.filename().string())));
  log = std::move(run.log);
  VLAQ_ASSIGN_OR_RETURN(const std::string layers, ReadWritten(request.layers));
  VLAQ_ASSIGN_OR_RETURN(built.layers, ReadLayers(layers, "--exportLayerInfo"));
  VLAQ_ASSIGN_OR_RETURN(const std::string profile, ReadWritten(request.profile));
  return ReadProfile(profile, "--exportProfile", built.layers);
}

// A file that is shorter than the tool says it made.
Status CheckWhole(const fs::path& file, const ToolLog& log, uint64_t bytes) {
  constexpr double kMiB = 1024.0 * 1024.0;
  if (!log.engine_mib || static_cast<double>(bytes) + kMiB >= *log.engine_mib * kMiB) return {};
  return Error{ErrorCode::kBackend,
               fmt::format("the engine is truncated: {} of {:g} MiB were written", HumanBytes(bytes), *log.engine_mib),
               file.string(), "see that the disk has room"};
}

Result<FolderLock> LockFolder(const fs::path& file) {
  auto lock = FolderLock::Take(file.has_parent_path() ? file.parent_path() : ".");
  if (lock.ok()) return lock;
  return InputError(lock.error().where, "another vlaq is building engines there",
                    "wait until it has ended, or give another --engine-dir");
}

Status Wrap(const EnginePlan& plan, const Version& version) {
  if (!CanWrap(version)) return {};
  VLAQ_ASSIGN_OR_RETURN(const std::string wrapper,
                        WrapEngine(*plan.bundle, plan.graph, plan.file.filename().string(), version));
  return WriteFile(plan.file.string() + ".onnx", wrapper, Existing::kReplace);
}

}  // namespace

std::string_view EnginePrecision(const bundle::Bundle& bundle) {
  const target::PrecisionRow* row = target::FindPrecisionRow(bundle.precision);
  return row == nullptr ? "" : row->engine;
}

std::string EngineFile(const bundle::Bundle& bundle, std::string_view graph) {
  constexpr std::string_view kBefore = "_cpu";
  std::string stem = bundle.GraphPath(graph).stem().string();
  if (stem.ends_with(kBefore)) stem.resize(stem.size() - kBefore.size());
  return fmt::format("{}_{}.trt", stem, EnginePrecision(bundle));
}

Result<Builder> FindBuilder(const std::string& given) {
  const std::vector<std::string> places =
      given.empty() ? std::vector<std::string>(kPlaces.begin(), kPlaces.end()) : std::vector<std::string>{given};
  const std::string path = FindProgram(places);
  if (path.empty()) {
    return Error{ErrorCode::kBackend, fmt::format("there is no trtexec ({})", fmt::join(places, ", ")), "",
                 "engines are built on the board: on a Jetson, sudo apt install nvidia-jetpack; or name one with "
                 "--trtexec; --dry-run shows the commands without it"};
  }
  Builder builder;
  VLAQ_ASSIGN_OR_RETURN(builder.tool, DescribeTool(path));
  VLAQ_ASSIGN_OR_RETURN(const ProgramRun run, RunProgram({path, "--help"}, kBannerTimeoutS));
  builder.banner = ReadLog(run.output);
  if (!builder.banner.version) {
    std::string quote;
    const Status judged = JudgeRun(run, builder.banner, path);
    if (!judged.ok() && run.output.find("&&&& ") == std::string::npos && !run.output.empty()) {
      quote = fmt::format(": \"{}\"", run.output.substr(0, run.output.find('\n')));
    }
    return Error{ErrorCode::kBackend, "does not say which TensorRT it belongs to" + quote, path,
                 "name the trtexec of the board's TensorRT with --trtexec"};
  }
  builder.version = *builder.banner.version;
  return builder;
}

Result<EnginePlan> PlanEngine(const bundle::Bundle& bundle, const std::string& graph, const Version& version,
                              const std::string& tool_sha256, const BuildOptionsOfUser& options) {
  const std::string where = bundle.path.string();
  if (EnginePrecision(bundle).empty() || TargetFor(version).empty() || !target::IsForTensorRt(bundle.target)) {
    return InputError(where,
                      fmt::format("is a {} bundle for {}: no engine of TensorRT {} can be made of it", bundle.precision,
                                  bundle.target.empty() ? "no target" : bundle.target, version.ToString()),
                      "vlaq quantize BUNDLE --target tensorrt-8.6|tensorrt-10 --precision fp16|int8|int4|mixed");
  }
  if (!FitsTarget(bundle.target, version)) {
    return InputError(where, fmt::format("was made for {}, and this is TensorRT {}", bundle.target, version.ToString()),
                      fmt::format("quantize it again with --target {}", TargetFor(version)));
  }
  EnginePlan plan;
  plan.bundle = &bundle;
  plan.graph = graph;
  plan.precision = bundle.precision;
  plan.file = EnginePath(bundle, graph, options.folder);
  VLAQ_ASSIGN_OR_RETURN(plan.work, DescribeWork(bundle, graph));
  VLAQ_ASSIGN_OR_RETURN(plan.work.inputs, ProfilesOf(bundle, graph, options.text));
  plan.request.onnx = bundle.GraphPath(graph).string();
  plan.request.engine = plan.file.string();
  plan.request.timing_cache = (options.folder / fmt::format("timing_{}.cache", version.ToString())).string();
  plan.request.precision = bundle.precision;
  plan.request.quantized = plan.work.quantized;
  plan.request.inputs = plan.work.inputs;
  plan.request.workspace_mib = options.workspace_mib;
  VLAQ_ASSIGN_OR_RETURN(plan.options, BuildOptions(version, plan.request));
  plan.made_of = MadeOf(bundle, graph);
  plan.key = Key(plan, version, tool_sha256);
  VLAQ_ASSIGN_OR_RETURN(plan.kept, WhyKept(plan, options.existing));
  return plan;
}

Status CheckDisk(const fs::path& folder, const std::vector<EnginePlan>& plans) {
  double needed = 0;
  for (const EnginePlan& plan : plans) {
    if (!plan.kept) needed += plan.work.planned_bytes * kRoomForMore;
  }
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error || needed <= static_cast<double>(space.available)) return {};
  return InputError(folder.string(),
                    fmt::format("the engines take about {}, and {} are free", HumanBytes(static_cast<uint64_t>(needed)),
                                HumanBytes(space.available)),
                    "free some space, give another --engine-dir, or build fewer --parts");
}

Result<BuiltEngine> BuildEngine(const EnginePlan& plan, const Builder& builder, const Board& board,
                                const BuildOptionsOfUser& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const FolderLock lock, LockFolder(plan.file));
  // It may replace what WhyKept() let pass.
  VLAQ_ASSIGN_OR_RETURN(OutputPath place, OutputPath::Create(plan.file, options.existing));
  BuildRequest request = plan.request;
  request.engine = place.path().string();
  VLAQ_ASSIGN_OR_RETURN(const std::vector<std::string> arguments, BuildArguments(builder.version, request));
  const std::string name = plan.file.filename().string();
  log.Note(fmt::format("building {}, which takes minutes", name));
  VLAQ_ASSIGN_OR_RETURN(const ToolRun building_run,
                        RunTool(builder, arguments, options.timeout_s, plan.file, "building " + name));
  const ToolLog& building = building_run.log;
  const auto made = bundle::Describe(place.path());
  if (!made.ok() || made->bytes == 0) {
    return Error{ErrorCode::kBackend, "trtexec passed, but wrote no engine", plan.file.string(), ""};
  }
  BuiltEngine built;
  built.file = plan.file;
  built.built = true;
  built.bytes = made->bytes;
  built.sha256 = made->sha256;
  built.seconds = building.build_seconds.value_or(0);
  built.warnings = building.warnings;
  VLAQ_RETURN_IF_ERROR(CheckWhole(plan.file, building, built.bytes));
  ToolLog running;
  VLAQ_RETURN_IF_ERROR(Inspect(plan, builder, place.path().string(), options.timeout_s, built, running));
  built.managed_mib = running.managed_mib;
  built.not_measured = WhyNotMeasured(board, builder.tool, building);
  VLAQ_ASSIGN_OR_RETURN(built.report, JudgePrecision(plan.work, built.layers, built.bytes, plan.file.string()));
  // Written whole before anything gets its name: the engine that is there and its record belong together.
  VLAQ_ASSIGN_OR_RETURN(OutputFile record, OutputFile::Create(RecordPath(plan.file), Existing::kReplace));
  VLAQ_RETURN_IF_ERROR(record.Write(RecordText(plan, builder, board, built)));
  VLAQ_RETURN_IF_ERROR(place.Commit());
  VLAQ_RETURN_IF_ERROR(record.Commit());
  VLAQ_RETURN_IF_ERROR(Wrap(plan, builder.version));
  RemoveLog(plan.file);
  return built;
}

Result<BuiltEngine> ReadEngine(const EnginePlan& plan) {
  VLAQ_ASSIGN_OR_RETURN(Record record, ReadRecord(plan.file));
  const auto version = ParseVersion(record.tensorrt);
  std::error_code ignored;
  if (version.ok() &&
      !fs::exists(plan.file.string() + ".onnx", ignored)) {  // somebody removed it: it is made of nothing else
    VLAQ_RETURN_IF_ERROR(Wrap(plan, *version));
  }
  BuiltEngine built;
  built.file = plan.file;
  built.bytes = record.engine_bytes;
  built.sha256 = record.engine_sha256;
  built.seconds = record.seconds;
  built.layers = std::move(record.layers);
  built.not_measured = std::move(record.not_measured);
  VLAQ_ASSIGN_OR_RETURN(built.report, JudgePrecision(plan.work, built.layers, built.bytes, plan.file.string()));
  return built;
}

}  // namespace vlaq::engine
