#include "mcap/summary.h"

#include "mcap/checksum.h"
#include "mcap/decode.h"
#include "mcap/record_walk.h"

namespace vlaq::mcap {
namespace {

// The compression that a ChunkIndex names.
Result<std::string> ParseCompression(Bytes content) {
  Decoder in(content);
  for (const auto* field : {"message_start_time", "message_end_time", "chunk_start_offset", "chunk_length"}) {
    in.Number<uint64_t>(field);
  }
  in.Block("message_index_offsets");
  in.Number<uint64_t>("message_index_length");
  std::string compression = in.Text("compression");
  if (!in.ok()) return in.error();
  return compression;
}

Status Take(const RawRecord& record, Summary& summary) {
  if (record.Is(Opcode::kSchema)) {
    VLAQ_ASSIGN_OR_RETURN(Schema schema, ParseSchema(record.content));
    summary.schemas.emplace(schema.id, std::move(schema));
  } else if (record.Is(Opcode::kChannel)) {
    VLAQ_ASSIGN_OR_RETURN(Channel channel, ParseChannel(record.content));
    summary.channels.emplace(channel.id, std::move(channel));
  } else if (record.Is(Opcode::kStatistics)) {
    VLAQ_ASSIGN_OR_RETURN(summary.statistics, ParseStatistics(record.content));
  } else if (record.Is(Opcode::kChunkIndex)) {
    VLAQ_ASSIGN_OR_RETURN(const std::string compression, ParseCompression(record.content));
    ++summary.compressions[compression];
  }
  return {};
}

}  // namespace

Result<std::optional<Summary>> ReadSummary(Bytes file) {
  const std::optional<Summary> none;
  if (file.size() < 2 * kMagic.size() + kFooterRecord || !AsText(file).ends_with(kMagic)) return none;
  const uint64_t footer = file.size() - kMagic.size() - kFooterRecord;
  RecordWalk end(file, footer, file.size() - kMagic.size());
  const auto record = end.Next();
  if (!record || !record->Is(Opcode::kFooter) || record->content.size() != kFooterContent) {
    return InputError("", "no footer stands at its end");
  }
  Decoder in(record->content);
  const auto begin = in.Number<uint64_t>("summary_start");
  in.Number<uint64_t>("summary_offset_start");
  const size_t covered_end = file.size() - kMagic.size() - sizeof(uint32_t);
  const auto checksum = in.Number<uint32_t>("summary_crc");
  if (begin == 0) return none;
  if (begin < kMagic.size() || begin > footer) return InputError("", "its summary is said to begin outside of it");
  if (checksum != 0 && checksum != Checksum(file.subspan(begin, covered_end - begin))) {
    return InputError("", "its summary has not the checksum that it states");
  }
  Summary summary;
  RecordWalk walk(file, begin, footer);
  while (const auto row = walk.Next()) {
    if (!row->cut_off) VLAQ_RETURN_IF_ERROR(Take(*row, summary));
  }
  if (!walk.wrong().empty()) return InputError("", "in its summary " + walk.wrong());
  return std::optional(std::move(summary));
}

}  // namespace vlaq::mcap
