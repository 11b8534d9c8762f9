// Reads fields of a record, bounded by its content. What does not fit is remembered by the name of the first such
// field, and everything after it reads as empty, so that a record is checked once, at its end. Plain value.
#pragma once

#include <string_view>

#include "base/status.h"
#include "mcap/records.h"

namespace vlaq::mcap {

class Decoder {
 public:
  explicit Decoder(Bytes content) : rest_(content) {}

  template <typename T>
  T Number(std::string_view field) {
    const Bytes bytes = Take(sizeof(T), field);
    return bytes.size() == sizeof(T) ? LoadLittle<T>(bytes) : T{};
  }
  // So many bytes, a number of 32 or 64 bits in front of them.
  Bytes Block(std::string_view field) { return Take(Number<uint32_t>(field), field); }
  Bytes LongBlock(std::string_view field) { return Take(Number<uint64_t>(field), field); }
  std::string Text(std::string_view field) { return std::string(AsText(Block(field))); }
  // Of a key that comes twice the first.
  Texts Map(std::string_view field);

  Bytes rest() const { return rest_; }
  bool ok() const { return wrong_.empty(); }
  // kInput: "'name' does not fit in the record".
  Error error() const;

 private:
  Bytes Take(uint64_t size, std::string_view field);

  Bytes rest_;
  std::string_view wrong_;
};

// Further fields behind those that are known are skipped. Errors: kInput naming the field.
Result<Header> ParseHeader(Bytes content);
Result<Schema> ParseSchema(Bytes content);
Result<Channel> ParseChannel(Bytes content);
Result<Message> ParseMessage(Bytes content);
// Its checksum is checked unless it is 0.
Result<Attachment> ParseAttachment(Bytes content);
Result<Statistics> ParseStatistics(Bytes content);

// A chunk's records, which may be packed. Where the file is cut off inside the chunk, what is there of them.
struct Chunk {
  uint64_t uncompressed_size = 0;
  uint32_t checksum = 0;
  std::string compression;  // empty: none
  Bytes records;
};
Result<Chunk> ParseChunk(Bytes content, bool cut_off);

}  // namespace vlaq::mcap
