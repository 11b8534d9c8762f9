#include "mcap/scan.h"

#include <fmt/format.h>

#include "base/text.h"
#include "mcap/checksum.h"
#include "mcap/decode.h"
#include "mcap/record_walk.h"

namespace vlaq::mcap {
namespace {

bool SameSchema(const Schema& a, const Schema& b) {
  return a.name == b.name && a.encoding == b.encoding && a.data == b.data;
}
bool SameChannel(const Channel& a, const Channel& b) {
  return a.schema_id == b.schema_id && a.topic == b.topic && a.message_encoding == b.message_encoding &&
         a.metadata == b.metadata;
}

class Scanner {
 public:
  Scanner(Bytes file, const std::string& name, const OnMessage& on_message)
      : file_(file), name_(name), on_message_(on_message) {}

  Status Run();
  Scanned Take() { return std::move(found_); }

 private:
  std::string Place(uint64_t offset) const { return fmt::format("{}: byte {}", name_, offset); }
  void Damage(uint64_t offset, Error error) {
    if (found_.damage.size() < kMostDamage) found_.damage.push_back(Within(Place(offset), std::move(error)));
  }
  void Damage(uint64_t offset, std::string what) { Damage(offset, InputError("", std::move(what))); }

  Status Take(const RawRecord& record);
  Status TakeChunk(const RawRecord& record);
  Status TakeMessage(const RawRecord& record);
  // The first of an id counts, and further ones must be like it.
  void TakeSchema(const RawRecord& record);
  void TakeChannel(const RawRecord& record);
  void CheckEnd(const RawRecord& data_end);

  Bytes file_;
  const std::string& name_;
  const OnMessage& on_message_;
  Scanned found_;
};

void Scanner::TakeSchema(const RawRecord& record) {
  auto schema = ParseSchema(record.content);
  if (!schema.ok()) return Damage(record.offset, schema.error());
  const auto [row, is_new] = found_.schemas.emplace(schema->id, *schema);
  if (!is_new && !SameSchema(row->second, *schema)) {
    Damage(record.offset, fmt::format("the schema {} is told twice, and differs", schema->id));
  }
  found_.statistics.schemas = static_cast<uint16_t>(found_.schemas.size());
}

void Scanner::TakeChannel(const RawRecord& record) {
  auto channel = ParseChannel(record.content);
  if (!channel.ok()) return Damage(record.offset, channel.error());
  if (channel->schema_id != 0 && !found_.schemas.contains(channel->schema_id)) {
    Damage(record.offset,
           fmt::format("the channel {} has the schema {}, which was not told before", channel->id, channel->schema_id));
  }
  const auto [row, is_new] = found_.channels.emplace(channel->id, *channel);
  if (!is_new && !SameChannel(row->second, *channel)) {
    Damage(record.offset, fmt::format("the channel {} is told twice, and differs", channel->id));
  }
  found_.statistics.channels = static_cast<uint32_t>(found_.channels.size());
}

Status Scanner::TakeMessage(const RawRecord& record) {
  const auto message = ParseMessage(record.content);
  if (!message.ok()) {
    Damage(record.offset, message.error());
    return {};
  }
  const auto channel = found_.channels.find(message->channel);
  if (channel == found_.channels.end()) {
    Damage(record.offset, fmt::format("a message is of the channel {}, which was not told before", message->channel));
    return {};
  }
  found_.statistics.Count(message->channel, message->log_time);
  return on_message_ ? on_message_(channel->second, *message) : Status();
}

Status Scanner::TakeChunk(const RawRecord& record) {
  const auto chunk = ParseChunk(record.content, record.cut_off);
  if (!chunk.ok()) {
    Damage(record.offset, chunk.error());
    return {};
  }
  ++found_.statistics.chunks;
  if (!chunk->compression.empty()) {
    ++found_.packed[chunk->compression];
    if (!on_message_) return {};
    return InputError(
        Place(record.offset),
        fmt::format("a chunk is compressed with {}, which vlaq does not read", Printable(chunk->compression, 40)),
        "make a copy that is not compressed, for instance: mcap decompress FILE -o OUT");
  }
  if (!record.cut_off && chunk->checksum != 0 && chunk->checksum != Checksum(chunk->records)) {
    Damage(record.offset, "a chunk has not the checksum that it states: its messages are left out");
    return {};
  }
  const auto begin = static_cast<uint64_t>(chunk->records.data() - file_.data());
  RecordWalk walk(file_, begin, begin + chunk->records.size());
  while (const auto inner = walk.Next()) {
    if (inner->cut_off) break;
    if (inner->Is(Opcode::kSchema)) TakeSchema(*inner);
    if (inner->Is(Opcode::kChannel)) TakeChannel(*inner);
    if (inner->Is(Opcode::kMessage)) VLAQ_RETURN_IF_ERROR(TakeMessage(*inner));
  }
  if (!walk.wrong().empty() && !record.cut_off) Damage(walk.offset(), walk.wrong());
  return {};
}

// One record outside of chunks. A record that is cut off is a chunk's, if anything can be read of it.
Status Scanner::Take(const RawRecord& record) {
  if (record.Is(Opcode::kChunk)) return TakeChunk(record);
  if (record.cut_off) return {};
  if (record.Is(Opcode::kSchema)) TakeSchema(record);
  if (record.Is(Opcode::kChannel)) TakeChannel(record);
  if (record.Is(Opcode::kMessage)) return TakeMessage(record);
  if (record.Is(Opcode::kMetadata)) ++found_.statistics.metadata;
  if (record.Is(Opcode::kAttachment)) {
    ++found_.statistics.attachments;
    if (const auto attachment = ParseAttachment(record.content); !attachment.ok()) {
      Damage(record.offset, attachment.error());
    }
  }
  return {};
}

// What stands behind the data is summary.h's to read; here only whether it is there, as records with a footer as the
// last.
void Scanner::CheckEnd(const RawRecord& data_end) {
  Decoder in(data_end.content);
  const auto checksum = in.Number<uint32_t>("data_section_crc");
  if (!in.ok()) return Damage(data_end.offset, in.error());
  if (checksum != 0 && checksum != Checksum(file_.first(data_end.offset))) {
    Damage(data_end.offset, "the data have not the checksum that stands at their end");
  }
  const uint64_t begin = data_end.offset + kRecordHead + data_end.content.size();
  if (file_.size() - begin < kFooterRecord + kMagic.size() || !AsText(file_).ends_with(kMagic)) {
    return Damage(file_.size(), "the end of the file is missing");
  }
  RecordWalk walk(file_, begin, file_.size() - kMagic.size());
  bool has_footer = false;
  while (const auto record = walk.Next()) has_footer = record->Is(Opcode::kFooter);
  if (!walk.wrong().empty()) return Damage(walk.offset(), walk.wrong());
  if (!has_footer) Damage(walk.offset(), "a footer should end here");
}

Status Scanner::Run() {
  RecordWalk walk(file_, kMagic.size(), file_.size());
  bool ended = false;
  for (bool first = true; const auto record = ended ? std::nullopt : walk.Next(); first = false) {
    if (first && !record->cut_off && record->Is(Opcode::kHeader)) {
      auto header = ParseHeader(record->content);
      if (!header.ok()) Damage(record->offset, header.error());
      if (header.ok()) found_.header = std::move(*header);
      continue;
    }
    if (first) Damage(record->offset, "a header should stand here");
    ended = !record->cut_off && record->Is(Opcode::kDataEnd);
    if (ended) CheckEnd(*record);
    if (!ended) VLAQ_RETURN_IF_ERROR(Take(*record));
    if (!record->cut_off && record->Is(Opcode::kFooter)) break;
  }
  if (ended) return {};
  Damage(walk.offset(),
         walk.wrong().empty() ? "the file ends without an end of its data: it was not closed" : walk.wrong());
  return {};
}

}  // namespace

Result<Scanned> Scan(Bytes file, const std::string& name, const OnMessage& on_message) {
  Scanner scanner(file, name, on_message);
  VLAQ_RETURN_IF_ERROR(scanner.Run());
  return scanner.Take();
}

}  // namespace vlaq::mcap
