#include "synthesis/pth_writer.h"

#include <fmt/format.h>
#include <zlib.h>

#include "synthesis/little.h"

namespace vlaq::synthesis {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint16_t kUtf8Names = 0x0800;
constexpr uint16_t kHasDescriptor = 0x0008;
constexpr uint32_t kIn64 = 0xFFFFFFFF;
constexpr uint16_t kCountIn64 = 0xFFFF;
constexpr uint64_t kCrcField = 14;  // offset of CRC-32 and both sizes in a local header

std::string Little16(uint64_t value) { return Little(static_cast<uint16_t>(value)); }
std::string Little32(uint64_t value) { return Little(static_cast<uint32_t>(value)); }

std::string ExtraField(uint16_t tag, const std::string& content) {
  return Little(tag) + Little16(content.size()) + content;
}

// PyTorch's padding field: as long as needed for the payload to begin at a multiple of 64.
std::string Padding(uint64_t position) {
  constexpr uint16_t kTag = 0x4246;
  const uint64_t payload = position + 4;
  return ExtraField(kTag, std::string((kAlignment - payload % kAlignment) % kAlignment, 'Z'));
}

}  // namespace

Result<PthWriter> PthWriter::Create(const std::filesystem::path& path, const PthWriterOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path, options.existing));
  std::string top = path.stem().string();
  return PthWriter(std::move(file), top.empty() ? "archive" : std::move(top), options);
}

Status PthWriter::Begin(std::string_view name, uint64_t bytes) {
  Record record{top_ + "/" + std::string(name), file_.offset(), bytes};
  const bool wide = IsWide(bytes);
  const bool follows = options_.data_descriptors;
  // A wide record announces itself by the zip64 field, whose sizes count; the descriptor then has 8-byte sizes.
  std::string extra = wide ? ExtraField(1, Little(bytes) + Little(bytes)) : "";
  const uint64_t size = wide ? kIn64 : (follows ? 0 : bytes);
  extra += Padding(record.header_offset + 30 + record.name.size() + extra.size());
  const std::string header = "PK\x03\x04" + Little16(wide ? 45 : 20) +
                             Little16(kUtf8Names | (follows ? kHasDescriptor : uint16_t{0})) + Little16(0) +
                             Little32(0) + Little32(0) + Little32(size) + Little32(size) +
                             Little16(record.name.size()) + Little16(extra.size()) + record.name + extra;
  records_.push_back(std::move(record));
  return file_.Write(header);
}

Status PthWriter::Append(Bytes piece, uint32_t crc32) {
  Record& record = records_.back();
  record.crc32 = static_cast<uint32_t>(::crc32_combine(record.crc32, crc32, static_cast<z_off_t>(piece.size())));
  record.written += piece.size();
  return file_.Write(piece);
}

Status PthWriter::End() {
  const Record& record = records_.back();
  if (record.written != record.bytes) {
    return InternalError(record.name, fmt::format("{} of {} bytes written", record.written, record.bytes));
  }
  if (!options_.data_descriptors) {
    return file_.WriteAt(record.header_offset + kCrcField, AsBytes(Little(record.crc32)));
  }
  const auto size = [&] { return IsWide(record.bytes) ? Little(record.bytes) : Little32(record.bytes); };
  return file_.Write("PK\x07\x08" + Little(record.crc32) + size() + size());
}

Status PthWriter::Write(std::string_view name, std::string_view content) {
  VLAQ_RETURN_IF_ERROR(Begin(name, content.size()));
  const auto* data = reinterpret_cast<const Bytef*>(content.data());
  VLAQ_RETURN_IF_ERROR(
      Append(AsBytes(content), static_cast<uint32_t>(::crc32(0, data, static_cast<uInt>(content.size())))));
  return End();
}

// Each 32-bit field that is too small says so and stands in the zip64 field, in this order.
std::string PthWriter::DirectoryEntry(const Record& record) const {
  std::string wide;
  const auto field = [&](uint64_t value) {
    if (!IsWide(value)) return Little32(value);
    wide += Little(value);
    return Little(kIn64);
  };
  const std::string unpacked = field(record.bytes);
  const std::string packed = field(record.bytes);
  const std::string offset = field(record.header_offset);
  const std::string extra = wide.empty() ? "" : ExtraField(1, wide);
  const uint16_t version = wide.empty() ? 20 : 45;
  return "PK\x01\x02" + Little(version) + Little(version) +
         Little16(kUtf8Names | (options_.data_descriptors ? kHasDescriptor : uint16_t{0})) + Little16(0) + Little32(0) +
         Little(record.crc32) + packed + unpacked + Little16(record.name.size()) + Little16(extra.size()) +
         Little16(0) + Little16(0) + Little16(0) + Little32(0) + offset + record.name + extra;
}

Status PthWriter::Finish() {
  const uint64_t begin = file_.offset();
  for (const Record& record : records_) VLAQ_RETURN_IF_ERROR(file_.Write(DirectoryEntry(record)));
  const uint64_t end = file_.offset();
  const uint64_t size = end - begin;
  const uint64_t count = records_.size();
  VLAQ_RETURN_IF_ERROR(file_.Write("PK\x06\x06" + Little(uint64_t{44}) + Little16(45) + Little16(45) + Little32(0) +
                                   Little32(0) + Little(count) + Little(count) + Little(size) + Little(begin)));
  VLAQ_RETURN_IF_ERROR(file_.Write("PK\x06\x07" + Little32(0) + Little(end) + Little32(1)));
  const std::string short_count = Little16(std::min<uint64_t>(count, kCountIn64));
  VLAQ_RETURN_IF_ERROR(file_.Write("PK\x05\x06" + Little32(0) + short_count + short_count +
                                   Little32(IsWide(size) ? kIn64 : size) + Little32(IsWide(begin) ? kIn64 : begin) +
                                   Little16(0)));
  return file_.Commit();
}

}  // namespace vlaq::synthesis
