#include "mcap/encode.h"

#include "mcap/checksum.h"

namespace vlaq::mcap {

void Encoder::PutText(std::string_view text) {
  Put(static_cast<uint32_t>(text.size()));
  PutBytes(AsBytes(text));
}

void Encoder::PutTexts(const Texts& texts) {
  const size_t begin = BeginBlock();
  for (const auto& [key, value] : texts) {
    PutText(key);
    PutText(value);
  }
  EndBlock(begin);
}

size_t Encoder::BeginBlock() {
  Put(uint32_t{0});
  return size();
}

void Encoder::EndBlock(size_t begin) { Patch(begin - sizeof(uint32_t), static_cast<uint32_t>(size() - begin)); }

size_t Encoder::BeginRecord(Opcode opcode) {
  Put(static_cast<uint8_t>(opcode));
  Put(uint64_t{0});
  return size();
}

void Encoder::EndRecord(size_t begin) { Patch(begin - sizeof(uint64_t), static_cast<uint64_t>(size() - begin)); }

void PutHeader(const Header& header, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kHeader);
  out.PutText(header.profile);
  out.PutText(header.library);
  out.EndRecord(begin);
}

void PutSchema(const Schema& schema, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kSchema);
  out.Put(schema.id);
  out.PutText(schema.name);
  out.PutText(schema.encoding);
  out.PutText(schema.data);
  out.EndRecord(begin);
}

void PutChannel(const Channel& channel, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kChannel);
  out.Put(channel.id);
  out.Put(channel.schema_id);
  out.PutText(channel.topic);
  out.PutText(channel.message_encoding);
  out.PutTexts(channel.metadata);
  out.EndRecord(begin);
}

void PutMessage(const Message& message, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kMessage);
  out.Put(message.channel);
  out.Put(message.sequence);
  out.Put(message.log_time);
  out.Put(message.publish_time);
  out.PutBytes(message.data);
  out.EndRecord(begin);
}

void PutAttachment(const Attachment& attachment, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kAttachment);
  out.Put(attachment.log_time);
  out.Put(attachment.create_time);
  out.PutText(attachment.name);
  out.PutText(attachment.media_type);
  out.Put(static_cast<uint64_t>(attachment.data.size()));
  out.PutBytes(attachment.data);
  out.Put(Checksum(out.bytes().subspan(begin)));
  out.EndRecord(begin);
}

void PutMetadata(const std::string& name, const Texts& texts, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kMetadata);
  out.PutText(name);
  out.PutTexts(texts);
  out.EndRecord(begin);
}

void PutStatistics(const Statistics& statistics, Encoder& out) {
  const size_t begin = out.BeginRecord(Opcode::kStatistics);
  out.Put(statistics.messages);
  out.Put(statistics.schemas);
  out.Put(statistics.channels);
  out.Put(statistics.attachments);
  out.Put(statistics.metadata);
  out.Put(statistics.chunks);
  out.Put(statistics.start);
  out.Put(statistics.end);
  const size_t counts = out.BeginBlock();
  for (const auto& [channel, count] : statistics.of_channel) {
    out.Put(channel);
    out.Put(count);
  }
  out.EndBlock(counts);
  out.EndRecord(begin);
}

}  // namespace vlaq::mcap
