#include "cli/build_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/run_program.h"
#include "base/text.h"
#include "cli/command.h"
#include "engine/layers.h"

namespace vlaq::cli {
namespace {

using deployment::EngineJob;
using deployment::PlannedEngine;

// The program's words: itself, then its arguments.
std::string CommandLine(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  return ShellLine(arguments);
}

Json AsJson(const PlannedEngine& e) {
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

void PrintBuiltJson(const EngineJob& job, std::ostream& out) {
  Json failed = Json::array();
  for (const auto& e : job.failed()) failed.push_back({{"file", e.file.string()}, {"why", e.error.ToString()}});
  Json list = Json::array();
  for (const PlannedEngine& e : job.engines()) list.push_back(AsJson(e));
  const engine::Builder& builder = job.builder();
  PrintJson({{"schema", "vlaq.build/1"},
             {"dry_run", false},
             {"tensorrt", builder.version.ToString()},
             {"trtexec", {{"path", builder.tool.path.string()}, {"sha256", builder.tool.sha256}}},
             {"board", {{"model", job.board().model}, {"release", job.board().release}}},
             {"engines", std::move(list)},
             {"failed", std::move(failed)}},
            out);
}

std::string MillisecondsOrDash(const std::optional<double>& ms) { return ms ? ThreeDigits(*ms) : "-"; }

}  // namespace

void PrintCommands(const deployment::Commands& commands, const std::string& trtexec, bool json, std::ostream& out) {
  const std::string program = trtexec.empty() ? "trtexec" : trtexec;
  Json list = Json::array();
  for (const auto& e : commands.engines) {
    const std::string build = CommandLine(program, e.build), check = CommandLine(program, e.check);
    list.push_back({{"engine", e.file.string()}, {"build", build}, {"check", check}});
    if (!json) out << fmt::format("# {}\n{}\n{}\n\n", e.file.string(), build, check);
  }
  const std::string version = commands.version.ToString();
  if (json) {
    PrintJson({{"schema", "vlaq.build/1"}, {"dry_run", true}, {"tensorrt", version}, {"engines", list}}, out);
  } else {
    out << fmt::format("For TensorRT {}; nothing was run.\n", version);
  }
}

void PrintBuilt(const EngineJob& job, bool json, std::ostream& out) {
  if (json) return PrintBuiltJson(job, out);
  TextTable table({"engine", "state", "size", "as planned", "layers", "reformats"});
  for (const PlannedEngine& e : job.engines()) {
    const auto& report = e.built.report;
    table.AddRow({e.plan.file.filename().string(), e.built.built ? "built" : "kept", HumanBytes(e.built.bytes),
                  !report.proven   ? "not proven"
                  : report.by_size ? "by its size"
                                   : fmt::format("{:.1f} %", 100 * report.as_planned),
                  std::to_string(report.layers), std::to_string(report.reformats)});
  }
  out << fmt::format("TensorRT {} ({})\n\n{}\n", job.builder().version.ToString(), job.builder().tool.path.string(),
                     table.ToString());
  for (const PlannedEngine& e : job.engines()) {
    out << fmt::format("{}: {}{}\n", e.plan.file.filename().string(),
                       e.plan.kept ? "kept, " + *e.plan.kept + "; " : std::string(), e.built.report.evidence);
  }
  std::vector<std::string> why;
  for (const PlannedEngine& e : job.engines()) deployment::AddNew(e.built.not_measured, why);
  if (!why.empty()) {
    out << fmt::format("\nNothing here counts as measured: {}.\n", fmt::join(why, "; "));
  }
}

void PrintChoice(const engine::Choice& choice, const std::filesystem::path& output, std::ostream& out) {
  TextTable table({"group", "FP16 ms", "INT8 ms", "now"});
  for (const auto& group : choice.groups) {
    table.AddRow({group.group, MillisecondsOrDash(group.fp16_ms), MillisecondsOrDash(group.int8_ms),
                  group.int8 ? "int8" : "float"});
  }
  const auto kept = std::count_if(choice.groups.begin(), choice.groups.end(), [](const auto& g) { return g.int8; });
  out << "\n" << table.ToString();
  out << fmt::format(
      "\nAll layers: FP16 {} ms ({} reformats), INT8 {} ms ({} reformats). {} of {} groups stay INT8.\n"
      "Written: {}. Next: vlaq quantize BUNDLE --plan {} --stats STATS -o OUT, and vlaq verify OUT --reference "
      "BUNDLE\n",
      ThreeDigits(choice.fp16_ms), choice.fp16_reformats, ThreeDigits(choice.int8_ms), choice.int8_reformats, kept,
      choice.groups.size(), output.string(), output.string());
}

}  // namespace vlaq::cli
