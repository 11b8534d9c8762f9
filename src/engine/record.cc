#include "engine/record.h"

#include "base/json.h"
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
  const auto damaged = [&where](const char* key) {
    return InputError(where, std::string("has no \"") + key + "\": it is no record of an engine", "build with --force");
  };
  if (!json.is_object() || json.value("schema", Json()) != Json(kSchema)) return damaged("schema");
  const JsonReader reader(json, where);
  Record record;
  VLAQ_ASSIGN_OR_RETURN(const auto key, reader.String("key"));
  if (!key) return damaged("key");
  record.key = *key;
  if (!json.contains("made_of") || !json["made_of"].is_object()) return damaged("made_of");
  const JsonReader made_of(json["made_of"], where);
  for (const auto& [file, value] : json["made_of"].items()) {
    VLAQ_ASSIGN_OR_RETURN(const auto sha256, made_of.String(file));
    record.made_of.emplace_back(file, sha256.value_or(""));
  }
  if (!json.contains("engine") || !json["engine"].is_object()) return damaged("engine");
  const JsonReader file(json["engine"], where);
  VLAQ_ASSIGN_OR_RETURN(const auto bytes, file.Integer("bytes"));
  VLAQ_ASSIGN_OR_RETURN(const auto sha256, file.String("sha256"));
  if (!bytes || !sha256) return damaged("engine");
  record.engine_bytes = static_cast<uint64_t>(*bytes);
  record.engine_sha256 = *sha256;
  if (json.contains("builder") && json["builder"].is_object()) {
    VLAQ_ASSIGN_OR_RETURN(const auto version, JsonReader(json["builder"], where).String("tensorrt"));
    record.tensorrt = version.value_or("");
  }
  VLAQ_ASSIGN_OR_RETURN(const auto seconds, reader.Number("build_seconds"));
  record.seconds = seconds.value_or(0);
  if (!json.contains("layers")) return damaged("layers");
  VLAQ_ASSIGN_OR_RETURN(record.layers, LayersFromJson(json["layers"], where));
  for (const Json& why : json.value("why_not_measured", Json::array())) {
    if (why.is_string()) record.not_measured.push_back(why.get<std::string>());
  }
  return record;
}

}  // namespace vlaq::engine
