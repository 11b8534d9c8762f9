// The layout of an MCAP file, as names: magic, Header, data ending with DataEnd, summary, summary offsets, Footer,
// magic. A record is an opcode, a length of 8 bytes and that many bytes; all numbers are little-endian, times are ns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vlaq::mcap {

inline constexpr std::string_view kMagic("\x89MCAP0\r\n", 8);
inline constexpr size_t kRecordHead = 9;             // opcode and length
inline constexpr size_t kFooterContent = 8 + 8 + 4;  // summary_start, summary_offset_start, summary_crc
inline constexpr size_t kFooterRecord = kRecordHead + kFooterContent;

enum class Opcode : uint8_t {
  kHeader = 0x01,
  kFooter = 0x02,
  kSchema = 0x03,
  kChannel = 0x04,
  kMessage = 0x05,
  kChunk = 0x06,
  kMessageIndex = 0x07,
  kChunkIndex = 0x08,
  kAttachment = 0x09,
  kAttachmentIndex = 0x0A,
  kStatistics = 0x0B,
  kMetadata = 0x0C,
  kMetadataIndex = 0x0D,
  kSummaryOffset = 0x0E,
  kDataEnd = 0x0F,
};

}  // namespace vlaq::mcap
