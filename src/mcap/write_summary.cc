#include "mcap/write_summary.h"

#include "mcap/checksum.h"

namespace vlaq::mcap {
namespace {

void PutChunkIndex(const ChunkEntry& chunk, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kChunkIndex);
  out.Put(chunk.start);
  out.Put(chunk.end);
  out.Put(chunk.offset);
  out.Put(chunk.length);
  const size_t offsets = out.BeginBlock();
  for (const auto& [channel, offset] : chunk.message_indexes) {
    out.Put(channel);
    out.Put(offset);
  }
  out.EndBlock(offsets);
  out.Put(chunk.message_index_bytes);
  out.PutText("");
  out.Put(chunk.records);
  out.Put(chunk.records);
  out.EndRecord(begin);
}

void PutAttachmentIndex(const AttachmentEntry& entry, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kAttachmentIndex);
  out.Put(entry.offset);
  out.Put(entry.length);
  out.Put(entry.described.log_time);
  out.Put(entry.described.create_time);
  out.Put(entry.data_bytes);
  out.PutText(entry.described.name);
  out.PutText(entry.described.media_type);
  out.EndRecord(begin);
}

void PutMetadataIndex(const MetadataEntry& entry, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kMetadataIndex);
  out.Put(entry.offset);
  out.Put(entry.length);
  out.PutText(entry.name);
  out.EndRecord(begin);
}

}  // namespace

void PutSummary(const SummaryContent& content, uint64_t begin, Encoder& out) {
  Encoder offsets;
  const auto group = [&](Opcode opcode, auto put) {
    const size_t first = out.size();
    put();
    if (out.size() == first) return;
    const size_t record = offsets.BeginRecord(Opcode::kSummaryOffset);
    offsets.Put(static_cast<uint8_t>(opcode));
    offsets.Put(begin + first);
    offsets.Put(static_cast<uint64_t>(out.size() - first));
    offsets.EndRecord(record);
  };
  const auto each = [&out](const auto& rows, auto put) {
    return [&rows, &out, put] {
      for (const auto& row : rows) put(row, out);
    };
  };
  group(Opcode::kSchema, each(content.schemas, PutSchema));
  group(Opcode::kChannel, each(content.channels, PutChannel));
  group(Opcode::kStatistics, [&] { PutStatistics(content.statistics, out); });
  group(Opcode::kChunkIndex, each(content.chunks, PutChunkIndex));
  group(Opcode::kAttachmentIndex, each(content.attachments, PutAttachmentIndex));
  group(Opcode::kMetadataIndex, each(content.metadata, PutMetadataIndex));
  const uint64_t offsets_begin = begin + out.size();
  out.PutBytes(offsets.bytes());
  const size_t footer = out.BeginRecord(Opcode::kFooter);
  out.Put(begin);
  out.Put(offsets_begin);
  out.Patch(footer - sizeof(uint64_t), uint64_t{kFooterContent});  // before the checksum, which covers it
  out.Put(Checksum(out.bytes()));
  out.EndRecord(footer);
  out.PutBytes(AsBytes(kMagic));
}

}  // namespace vlaq::mcap
