#include "mcap/decode.h"

#include <fmt/format.h>

#include <algorithm>

#include "mcap/checksum.h"

namespace vlaq::mcap {
namespace {

template <typename T>
Result<T> Checked(const Decoder& in, T value) {
  if (!in.ok()) return in.error();
  return value;
}

}  // namespace

Bytes Decoder::Take(uint64_t size, std::string_view field) {
  if (wrong_.empty() && size > rest_.size()) wrong_ = field;
  if (!wrong_.empty()) return {};
  const Bytes taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

Texts Decoder::Map(std::string_view field) {
  Decoder in(Block(field));
  Texts texts;
  while (in.ok() && !in.rest().empty()) {
    std::string key = in.Text(field);
    std::string value = in.Text(field);
    if (in.ok()) texts.emplace(std::move(key), std::move(value));
  }
  if (ok() && !in.ok()) wrong_ = field;
  return texts;
}

Error Decoder::error() const { return InputError("", fmt::format("'{}' does not fit in the record", wrong_)); }

Result<Header> ParseHeader(Bytes content) {
  Decoder in(content);
  Header header;
  header.profile = in.Text("profile");
  header.library = in.Text("library");
  return Checked(in, std::move(header));
}

Result<Schema> ParseSchema(Bytes content) {
  Decoder in(content);
  Schema schema;
  schema.id = in.Number<uint16_t>("id");
  schema.name = in.Text("name");
  schema.encoding = in.Text("encoding");
  schema.data = in.Text("data");
  if (in.ok() && schema.id == 0) return InputError("", "a schema has the id 0, which stands for none");
  return Checked(in, std::move(schema));
}

Result<Channel> ParseChannel(Bytes content) {
  Decoder in(content);
  Channel channel;
  channel.id = in.Number<uint16_t>("id");
  channel.schema_id = in.Number<uint16_t>("schema_id");
  channel.topic = in.Text("topic");
  channel.message_encoding = in.Text("message_encoding");
  channel.metadata = in.Map("metadata");
  return Checked(in, std::move(channel));
}

Result<Message> ParseMessage(Bytes content) {
  Decoder in(content);
  Message message;
  message.channel = in.Number<uint16_t>("channel_id");
  message.sequence = in.Number<uint32_t>("sequence");
  message.log_time = in.Number<uint64_t>("log_time");
  message.publish_time = in.Number<uint64_t>("publish_time");
  message.data = in.rest();
  return Checked(in, message);
}

Result<Attachment> ParseAttachment(Bytes content) {
  Decoder in(content);
  Attachment attachment;
  attachment.log_time = in.Number<uint64_t>("log_time");
  attachment.create_time = in.Number<uint64_t>("create_time");
  attachment.name = in.Text("name");
  attachment.media_type = in.Text("media_type");
  attachment.data = in.LongBlock("data");
  const size_t covered = content.size() - in.rest().size();
  const auto checksum = in.Number<uint32_t>("crc");
  if (in.ok() && checksum != 0 && checksum != Checksum(content.first(covered))) {
    return InputError("", "an attachment has not the checksum that it states");
  }
  return Checked(in, std::move(attachment));
}

Result<Statistics> ParseStatistics(Bytes content) {
  Decoder in(content);
  Statistics statistics;
  statistics.messages = in.Number<uint64_t>("message_count");
  statistics.schemas = in.Number<uint16_t>("schema_count");
  statistics.channels = in.Number<uint32_t>("channel_count");
  statistics.attachments = in.Number<uint32_t>("attachment_count");
  statistics.metadata = in.Number<uint32_t>("metadata_count");
  statistics.chunks = in.Number<uint32_t>("chunk_count");
  statistics.start = in.Number<uint64_t>("message_start_time");
  statistics.end = in.Number<uint64_t>("message_end_time");
  Decoder counts(in.Block("channel_message_counts"));
  while (counts.ok() && !counts.rest().empty()) {
    const auto channel = counts.Number<uint16_t>("channel_message_counts");
    statistics.of_channel[channel] = counts.Number<uint64_t>("channel_message_counts");
  }
  if (in.ok() && !counts.ok()) return counts.error();
  return Checked(in, std::move(statistics));
}

Result<Chunk> ParseChunk(Bytes content, bool cut_off) {
  Decoder in(content);
  Chunk chunk;
  in.Number<uint64_t>("message_start_time");
  in.Number<uint64_t>("message_end_time");
  chunk.uncompressed_size = in.Number<uint64_t>("uncompressed_size");
  chunk.checksum = in.Number<uint32_t>("uncompressed_crc");
  chunk.compression = in.Text("compression");
  if (cut_off) {
    const auto stated = in.Number<uint64_t>("records");
    chunk.records = in.rest().first(std::min<uint64_t>(stated, in.rest().size()));
  } else {
    chunk.records = in.LongBlock("records");
  }
  if (in.ok() && !cut_off && chunk.compression.empty() && chunk.records.size() != chunk.uncompressed_size) {
    return InputError("", fmt::format("a chunk that is not compressed states {} bytes and has {}",
                                      chunk.uncompressed_size, chunk.records.size()));
  }
  return Checked(in, std::move(chunk));
}

}  // namespace vlaq::mcap
