#include "mcap/writer.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <vector>

#include "mcap/append_file.h"
#include "mcap/checksum.h"
#include "mcap/encode.h"
#include "mcap/write_summary.h"

namespace vlaq::mcap {
namespace {

constexpr size_t kMostIds = std::numeric_limits<uint16_t>::max();
constexpr uint64_t kLongestText = std::numeric_limits<uint32_t>::max();

// A Chunk's head up to its records, which are not compressed: opcode, length, start, end, size, checksum, the name of
// no compression, size again.
constexpr size_t kChunkHead = kRecordHead + 8 + 8 + 8 + 4 + 4 + 8;

Status CheckTexts(std::initializer_list<std::string_view> texts, const Texts& map = {}) {
  uint64_t total = 0;
  for (const std::string_view text : texts) {
    if (text.size() > kLongestText) return UsageError("a text of a recording is limited to 4 GiB");
  }
  for (const auto& [key, value] : map) total += 8 + key.size() + value.size();
  return total > kLongestText ? UsageError("a map of a recording is limited to 4 GiB") : Status();
}

}  // namespace

struct Writer::State {
  State(AppendFile file_in, uint64_t chunk_bytes_in) : file(std::move(file_in)), chunk_bytes(chunk_bytes_in) {}

  AppendFile file;
  uint64_t chunk_bytes;
  std::optional<Error> failed;  // stays
  bool closed = false;
  SummaryContent summary;
  // The chunk at hand: room for its head, then records.
  Encoder chunk;
  Statistics in_chunk;
  std::map<uint16_t, std::vector<std::pair<uint64_t, uint64_t>>> index;  // channel -> log time, offset in the records

  Status Check() const {
    if (failed) return *failed;
    return closed ? Status(InternalError(file.path().string(), "the recording is closed")) : Status();
  }
  Status Append(Bytes bytes) {
    Status status = file.Append(bytes);
    if (!status.ok()) failed = status.error();
    return status;
  }
  template <typename PutRecord>
  Status AppendRecord(PutRecord put) {
    Encoder out;
    put(out);
    return Append(out.bytes());
  }
  Status FlushChunk();
  Status Close();
};

Status Writer::State::FlushChunk() {
  VLAQ_RETURN_IF_ERROR(Check());
  if (in_chunk.messages == 0) return {};
  const uint64_t records = chunk.size() - kChunkHead;
  ChunkEntry entry{in_chunk.start, in_chunk.end, file.size(), chunk.size(), records, {}, 0};
  Encoder head;
  head.Put(static_cast<uint8_t>(Opcode::kChunk));
  head.Put(chunk.size() - kRecordHead);
  head.Put(entry.start);
  head.Put(entry.end);
  head.Put(records);
  head.Put(Checksum(chunk.bytes().subspan(kChunkHead)));
  head.PutText("");
  head.Put(records);
  chunk.Overwrite(0, head.bytes());
  for (const auto& [channel, rows] : index) {
    entry.message_indexes[channel] = entry.offset + chunk.size();
    const size_t begin = chunk.BeginRecord(Opcode::kMessageIndex);
    chunk.Put(channel);
    const size_t block = chunk.BeginBlock();
    for (const auto& [time, offset] : rows) {
      chunk.Put(time);
      chunk.Put(offset);
    }
    chunk.EndBlock(block);
    chunk.EndRecord(begin);
  }
  entry.message_index_bytes = chunk.size() - entry.length;
  VLAQ_RETURN_IF_ERROR(Append(chunk.bytes()));
  summary.chunks.push_back(std::move(entry));
  ++summary.statistics.chunks;
  chunk.Clear();
  index.clear();
  in_chunk = {};
  return {};
}

Status Writer::State::Close() {
  if (closed) return failed ? Status(*failed) : Status();
  Status status = FlushChunk();
  if (status.ok()) {
    Encoder end;
    const size_t begin = end.BeginRecord(Opcode::kDataEnd);
    end.Put(file.checksum());
    end.EndRecord(begin);
    Encoder ending;
    PutSummary(summary, file.size() + end.size(), ending);
    end.PutBytes(ending.bytes());
    status = Append(end.bytes());
  }
  if (status.ok()) status = file.Sync();
  const Status shut = file.Close();
  closed = true;
  if (status.ok()) status = shut;
  if (!status.ok()) failed = status.error();
  return status;
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Writer::~Writer() {
  if (state_) static_cast<void>(state_->Close());
}

Result<Writer> Writer::Create(const std::filesystem::path& path, const WriterOptions& options) {
  VLAQ_RETURN_IF_ERROR(CheckTexts({options.profile, options.library}));
  VLAQ_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Create(path, options.existing));
  Writer writer(std::make_unique<State>(std::move(file), options.chunk_bytes));
  VLAQ_RETURN_IF_ERROR(writer.state_->AppendRecord([&](Encoder& out) {
    out.PutBytes(AsBytes(kMagic));
    PutHeader({options.profile, options.library}, out);
  }));
  return writer;
}

Result<uint16_t> Writer::AddSchema(std::string name, std::string encoding, std::string data) {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(s.Check());
  VLAQ_RETURN_IF_ERROR(CheckTexts({name, encoding, data}));
  if (s.summary.schemas.size() == kMostIds) return UsageError("a recording has at most 65,535 schemas");
  Schema schema{static_cast<uint16_t>(s.summary.schemas.size() + 1), std::move(name), std::move(encoding),
                std::move(data)};
  VLAQ_RETURN_IF_ERROR(s.AppendRecord([&](Encoder& out) { PutSchema(schema, out); }));
  s.summary.schemas.push_back(std::move(schema));
  ++s.summary.statistics.schemas;
  return s.summary.schemas.back().id;
}

Result<uint16_t> Writer::AddChannel(std::string topic, uint16_t schema_id, std::string message_encoding,
                                    Texts metadata) {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(s.Check());
  VLAQ_RETURN_IF_ERROR(CheckTexts({topic, message_encoding}, metadata));
  if (schema_id > s.summary.schemas.size()) return UsageError(fmt::format("no schema has the id {}", schema_id));
  if (s.summary.channels.size() == kMostIds) return UsageError("a recording has at most 65,535 channels");
  Channel channel{static_cast<uint16_t>(s.summary.channels.size() + 1), schema_id, std::move(topic),
                  std::move(message_encoding), std::move(metadata)};
  VLAQ_RETURN_IF_ERROR(s.AppendRecord([&](Encoder& out) { PutChannel(channel, out); }));
  s.summary.channels.push_back(std::move(channel));
  ++s.summary.statistics.channels;
  return s.summary.channels.back().id;
}

Status Writer::Write(const Message& message) {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(s.Check());
  if (message.channel == 0 || message.channel > s.summary.channels.size()) {
    return UsageError(fmt::format("no channel has the id {}", message.channel));
  }
  if (s.chunk.size() == 0) s.chunk.PutBytes(std::vector<std::byte>(kChunkHead));
  s.index[message.channel].emplace_back(message.log_time, s.chunk.size() - kChunkHead);
  PutMessage(message, s.chunk);
  s.in_chunk.Count(message.channel, message.log_time);
  s.summary.statistics.Count(message.channel, message.log_time);
  return s.chunk.size() - kChunkHead >= s.chunk_bytes ? s.FlushChunk() : Status();
}

Status Writer::AddMetadata(const std::string& name, const Texts& texts) {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(CheckTexts({name}, texts));
  VLAQ_RETURN_IF_ERROR(s.FlushChunk());
  const uint64_t offset = s.file.size();
  VLAQ_RETURN_IF_ERROR(s.AppendRecord([&](Encoder& out) { PutMetadata(name, texts, out); }));
  s.summary.metadata.push_back({offset, s.file.size() - offset, name});
  ++s.summary.statistics.metadata;
  return {};
}

Status Writer::AddAttachment(const Attachment& attachment) {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(CheckTexts({attachment.name, attachment.media_type}));
  VLAQ_RETURN_IF_ERROR(s.FlushChunk());
  const uint64_t offset = s.file.size();
  VLAQ_RETURN_IF_ERROR(s.AppendRecord([&](Encoder& out) { PutAttachment(attachment, out); }));
  Attachment described = attachment;
  described.data = {};
  s.summary.attachments.push_back({offset, s.file.size() - offset, std::move(described), attachment.data.size()});
  ++s.summary.statistics.attachments;
  return {};
}

Status Writer::Flush() { return state_->FlushChunk(); }

Status Writer::Sync() {
  VLAQ_RETURN_IF_ERROR(state_->FlushChunk());
  return state_->file.Sync();
}

Status Writer::Close() { return state_->Close(); }

uint64_t Writer::bytes() const { return state_->file.size(); }
const Statistics& Writer::statistics() const { return state_->summary.statistics; }

}  // namespace vlaq::mcap
