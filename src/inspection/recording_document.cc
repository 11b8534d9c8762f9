#include "base/hash.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "inspection/documents.h"
#include "mcap/reader.h"

namespace vlaq::inspection {
namespace fs = std::filesystem;
namespace {

constexpr double kNanoseconds = 1e9;  // of a second

double Duration(const mcap::Statistics& s) {
  return s.end > s.start ? static_cast<double>(s.end - s.start) / kNanoseconds : 0;
}

// n messages have n - 1 intervals; the recording's duration stands for the topic's, which a summary does not tell.
Json Rate(uint64_t messages, double duration_s) {
  if (messages < 2 || duration_s <= 0) return nullptr;
  return static_cast<double>(messages - 1) / duration_s;
}

Json Topics(const mcap::Info& info) {
  const double duration_s = Duration(info.statistics);
  Json list = Json::array();
  for (const auto& [id, channel] : info.channels) {
    const auto counted = info.statistics.of_channel.find(id);
    const uint64_t messages = counted == info.statistics.of_channel.end() ? 0 : counted->second;
    const auto schema = info.schemas.find(channel.schema_id);
    const bool has_schema = schema != info.schemas.end();
    list.push_back({{"topic", channel.topic},
                    {"type", has_schema ? schema->second.name : ""},
                    {"schema_encoding", has_schema ? schema->second.encoding : ""},
                    {"message_encoding", channel.message_encoding},
                    {"messages", messages},
                    {"rate_hz", Rate(messages, duration_s)}});
  }
  return list;
}

}  // namespace

Result<Json> InspectRecording(const fs::path& path, const InspectOptions& options, Log& log) {
  if (options.tensors || !options.state_dict.empty()) {
    return UsageError("--tensors and --state-dict are for what has weights, and " + path.string() + " is a recording");
  }
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  VLAQ_ASSIGN_OR_RETURN(const mcap::Reader reader, mcap::Reader::Open(file->bytes(), path.string()));
  const mcap::Info& info = reader.info();
  const mcap::Statistics& statistics = info.statistics;
  Json document = NewDocument("recording", path);
  document["format"] = "mcap";
  document["profile"] = info.header.profile;
  document["library"] = info.header.library;
  document["from_summary"] = info.from_summary;
  document["bytes"] = file->bytes().size();
  document["messages"] = statistics.messages;
  document["start_ns"] = statistics.start;
  document["end_ns"] = statistics.end;
  document["duration_s"] = Duration(statistics);
  document["topics"] = Topics(info);
  document["chunks"] = statistics.chunks;
  document["attachments"] = statistics.attachments;
  document["metadata"] = statistics.metadata;
  document["compressed_chunks"] = info.packed;
  document["damage"] = Json::array();
  for (const Error& error : info.damage) {
    document["damage"].push_back(error.ToString());
    log.Warning(error.ToString());
  }
  if (options.hash) {
    document["files"] = Json::array(
        {{{"file", path.filename().string()}, {"bytes", file->bytes().size()}, {"sha256", Sha256Hex(file->bytes())}}});
  }
  return document;
}

}  // namespace vlaq::inspection
