#include "engine/record.h"

#include "base/json.h"
#include "base/json_field.h"
#include "base/version.h"

namespace vlaq::engine {
namespace {

constexpr std::string_view kSchema = "vlaq.engine/1";

Json ToJson(const PrecisionReport& report) {
  Json precisions = Json::array();
  for (const PrecisionCount& count : report.by_precision) {
    precisions.push_back(
        {{"precision", PrecisionName(count.precision)}, {"layers", count.layers}, {"share_of_macs", count.macs_share}});
  }
  return {{"as_planned", report.as_planned},
          {"unknown", report.unknown},
          {"by_size", report.by_size},
          {"proven", report.proven},
          {"evidence", report.evidence},
          {"reformats", report.reformats},
          {"by_precision", std::move(precisions)}};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> MadeOf(const bundle::Bundle& bundle, std::string_view graph) {
  const bundle::FileRecord& file = bundle.graphs.find(graph)->second;
  std::vector<std::pair<std::string, std::string>> made_of{{file.file, file.sha256}};
  if (!bundle.weights.file.empty()) made_of.emplace_back(bundle.weights.file, bundle.weights.sha256);
  made_of.emplace_back(bundle.plan->file, bundle.plan->sha256);
  return made_of;
}

std::filesystem::path RecordPath(const std::filesystem::path& engine) { return engine.string() + ".json"; }

std::string RecordText(const EnginePlan& plan, const Builder& builder, const Board& board, const BuiltEngine& built) {
  Json made_of = Json::object();
  for (const auto& [file, sha256] : plan.made_of) made_of[file] = sha256;
  const Json json{
      {"schema", kSchema},
      {"engine", {{"file", plan.file.filename().string()}, {"bytes", built.bytes}, {"sha256", built.sha256}}},
      {"key", plan.key},
      {"made_of", std::move(made_of)},
      {"part", plan.graph},
      {"precision", plan.precision},
      {"options", plan.options},
      {"builder",
       {{"trtexec", builder.tool.path.string()},
        {"sha256", builder.tool.sha256},
        {"tensorrt", builder.version.ToString()},
        {"vlaq", kVersion}}},
      {"board",
       {{"model", board.model},
        {"release", board.release},
        {"architecture", board.architecture},
        {"power_mode", board.power_mode ? Json(*board.power_mode) : Json()}}},
      {"build_seconds", built.seconds},
      {"measured", built.not_measured.empty()},
      {"why_not_measured", built.not_measured},
      {"warnings", built.warnings},
      {"runs_in", ToJson(built.report)},
      {"layers", LayersToJson(built.layers)}};
  return JsonString(json, 1) + "\n";
}

Result<Record> ReadRecord(const std::filesystem::path& engine) {
  const std::string where = RecordPath(engine).string();
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(where));
  constexpr const char* kAdvice = "it is no record of an engine: build with --force";
  const JsonField root(json, where, kAdvice);
  Record record;
  root.HasSchema(kSchema, kAdvice);
  root.Need("key", record.key);
  for (const auto& [file, sha256] : root["made_of"].Members()) record.made_of.emplace_back(file, sha256.Text());
  const JsonField file = root["engine"];
  file.Need("bytes", record.engine_bytes);
  file.Need("sha256", record.engine_sha256);
  if (const auto builder = root.Find("builder")) builder->Read("tensorrt", record.tensorrt);
  root.Read("build_seconds", record.seconds);
  root.Read("why_not_measured", record.not_measured);
  const JsonField layers = root["layers"];
  VLAQ_RETURN_IF_ERROR(root.status());
  VLAQ_ASSIGN_OR_RETURN(record.layers, LayersFromJson(layers.json(), where + ": layers"));
  return record;
}

}  // namespace vlaq::engine
