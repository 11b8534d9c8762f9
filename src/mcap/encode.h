// Records into a growing buffer. Sizes of texts were checked by the caller: they fit in 32 bits. Not thread-safe.
#pragma once

#include <concepts>
#include <vector>

#include "mcap/format.h"
#include "mcap/records.h"

namespace vlaq::mcap {

class Encoder {
 public:
  template <std::unsigned_integral T>
  void Put(T value) {
    const Bytes bytes = std::as_bytes(std::span(&value, 1));
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  void PutBytes(Bytes bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
  void PutText(std::string_view text);
  void PutTexts(const Texts& texts);
  // Arrays and maps have their length in bytes in front: EndBlock(BeginBlock()) is an empty one.
  size_t BeginBlock();
  void EndBlock(size_t begin);
  size_t BeginRecord(Opcode opcode);
  void EndRecord(size_t begin);

  // Overwrites what was put at `offset`, which lies inside.
  template <std::unsigned_integral T>
  void Patch(size_t offset, T value) {
    std::memcpy(buffer_.data() + offset, &value, sizeof(T));
  }
  void Overwrite(size_t offset, Bytes bytes) { std::memcpy(buffer_.data() + offset, bytes.data(), bytes.size()); }
  void Clear() { buffer_.clear(); }
  size_t size() const { return buffer_.size(); }
  Bytes bytes() const { return buffer_; }

 private:
  std::vector<std::byte> buffer_;
};

void PutHeader(const Header& header, Encoder& out);
void PutSchema(const Schema& schema, Encoder& out);
void PutChannel(const Channel& channel, Encoder& out);
void PutMessage(const Message& message, Encoder& out);
void PutAttachment(const Attachment& attachment, Encoder& out);  // with its checksum
void PutMetadata(const std::string& name, const Texts& texts, Encoder& out);
void PutStatistics(const Statistics& statistics, Encoder& out);

}  // namespace vlaq::mcap
