// What the end of a recording says of it: indexes by which a reader finds its way. Used by writer.cc only.
#pragma once

#include <vector>

#include "mcap/encode.h"

namespace vlaq::mcap {

// Offsets are of records in the file, lengths with their heads.
struct ChunkEntry {
  uint64_t start = 0, end = 0;  // log times
  uint64_t offset = 0, length = 0;
  uint64_t records = 0;                          // bytes
  std::map<uint16_t, uint64_t> message_indexes;  // channel -> offset in the file
  uint64_t message_index_bytes = 0;
};

struct AttachmentEntry {
  uint64_t offset = 0, length = 0;
  Attachment described;  // without its data
  uint64_t data_bytes = 0;
};

struct MetadataEntry {
  uint64_t offset = 0, length = 0;
  std::string name;
};

struct SummaryContent {
  std::vector<Schema> schemas;
  std::vector<Channel> channels;
  Statistics statistics;
  std::vector<ChunkEntry> chunks;
  std::vector<AttachmentEntry> attachments;
  std::vector<MetadataEntry> metadata;
};

// Summary, summary offsets, Footer and magic, into an empty `out`, of a file in which the summary begins at `begin`.
void PutSummary(const SummaryContent& content, uint64_t begin, Encoder& out);

}  // namespace vlaq::mcap
