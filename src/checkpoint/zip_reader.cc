#include "checkpoint/zip_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <numeric>

#include "checkpoint/messages.h"

namespace vlaq::checkpoint {
namespace {

// The format is PKWARE's APPNOTE 6.3; field positions are relative to each signature.
constexpr uint32_t kLocalSignature = 0x04034B50;
constexpr uint32_t kCentralSignature = 0x02014B50;
constexpr uint32_t kEndSignature = 0x06054B50;
constexpr uint32_t kEnd64Signature = 0x06064B50;
constexpr uint32_t kLocatorSignature = 0x07064B50;
constexpr uint64_t kLocalBytes = 30;
constexpr uint64_t kCentralBytes = 46;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kEnd64Bytes = 56;
constexpr uint64_t kLocatorBytes = 20;
constexpr uint64_t kMaxComment = 0xFFFF;
constexpr uint16_t kZip64Tag = 0x0001;
constexpr uint32_t kIn64 = 0xFFFFFFFF;    // "see the zip64 field"
constexpr uint16_t kCountIn64 = 0xFFFF;   // the same for the number of entries
constexpr uint16_t kEncrypted = 0x2041;   // bits 0 (encrypted), 6 (strong), 13 (masked headers)
constexpr uint16_t kHasDescriptor = 0x8;  // bit 3
constexpr size_t kCrcBlock = size_t{16} << 20U;

// Takes `count` of the 8-byte values of a zip64 extra field, which stand there only for saturated 32-bit fields.
struct Zip64Field {
  Bytes bytes;
  bool missing = false;

  uint64_t Take() {
    if (bytes.size() < 8) {
      missing = true;
      return 0;
    }
    const auto value = LoadLittle<uint64_t>(bytes);
    bytes = bytes.subspan(8);
    return value;
  }
};

// The zip64 field inside an extra area; empty if there is none or the area is malformed.
Bytes FindZip64(Bytes extra) {
  while (extra.size() >= 4) {
    const auto tag = LoadLittle<uint16_t>(extra);
    const size_t size = LoadLittle<uint16_t>(extra, 2);
    if (size > extra.size() - 4) return {};
    if (tag == kZip64Tag) return extra.subspan(4, size);
    extra = extra.subspan(4 + size);
  }
  return {};
}

bool IsSafeName(std::string_view name) {
  constexpr size_t kMaxName = 1024;
  if (name.size() > kMaxName) return false;
  if (name.empty() || name.front() == '/' || name.find('\\') != name.npos || name.find('\0') != name.npos) return false;
  if (name.size() > 1 && name[1] == ':') return false;  // "C:..."
  while (!name.empty()) {
    const size_t slash = std::min(name.find('/'), name.size());
    if (name.substr(0, slash) == "..") return false;
    name.remove_prefix(std::min(slash + 1, name.size()));
  }
  return true;
}

}  // namespace

Error ZipReader::At(uint64_t offset, std::string what, std::string advice) const {
  return InputError(AtByte(where_, offset), std::move(what), std::move(advice));
}

Error ZipReader::AtRecord(const ZipRecord& record, std::string what, std::string advice) const {
  return InputError(fmt::format("{}: record {}", where_, Quoted(record.name)), std::move(what), std::move(advice));
}

Result<ZipReader> ZipReader::Open(Bytes file, std::string where) {
  ZipReader zip(file, std::move(where));
  VLAQ_ASSIGN_OR_RETURN(const Directory directory, zip.FindDirectory());
  VLAQ_RETURN_IF_ERROR(zip.ReadDirectory(directory));
  VLAQ_RETURN_IF_ERROR(zip.CheckNames());
  VLAQ_RETURN_IF_ERROR(zip.CheckOverlap(directory));
  return zip;
}

Result<ZipReader::Directory> ZipReader::FindDirectory() const {
  const Error missing = At(file_.size(), "no zip directory at the end of the file",
                           "the file is incomplete (an interrupted copy or download?): fetch it again");
  if (file_.size() < kEndBytes) return missing;
  const uint64_t last = file_.size() - kEndBytes;
  const uint64_t first = last - std::min(last, kMaxComment);
  for (uint64_t at = last + 1; at-- > first;) {
    if (LoadLittle<uint32_t>(file_, at) != kEndSignature) continue;
    if (at + kEndBytes + LoadLittle<uint16_t>(file_, at + 20) != file_.size()) continue;
    if (LoadLittle<uint16_t>(file_, at + 4) != 0 || LoadLittle<uint16_t>(file_, at + 6) != 0) {
      return At(at, "a zip of several disks is not supported");
    }
    Directory directory{LoadLittle<uint32_t>(file_, at + 16), LoadLittle<uint32_t>(file_, at + 12),
                        LoadLittle<uint16_t>(file_, at + 10)};
    if (LoadLittle<uint16_t>(file_, at + 8) != directory.count) return At(at, "the zip's two record counts differ");
    VLAQ_RETURN_IF_ERROR(ApplyZip64(at, directory));
    const auto end = CheckedAdd(directory.offset, directory.size);
    if (!end || *end > at) {
      return At(at, fmt::format("the zip directory (byte {}, {} bytes) does not fit into the file", directory.offset,
                                directory.size));
    }
    if (directory.count > directory.size / kCentralBytes) {
      return At(at,
                fmt::format("{} zip records cannot stand in a directory of {} bytes", directory.count, directory.size));
    }
    return directory;
  }
  return missing;
}

Status ZipReader::ApplyZip64(uint64_t end_offset, Directory& directory) const {
  const bool needed = directory.offset == kIn64 || directory.size == kIn64 || directory.count == kCountIn64;
  const bool has_locator =
      end_offset >= kLocatorBytes && LoadLittle<uint32_t>(file_, end_offset - kLocatorBytes) == kLocatorSignature;
  if (!has_locator) {
    if (needed) return At(end_offset, "the zip64 locator is missing");
    return {};
  }
  const uint64_t locator = end_offset - kLocatorBytes;
  const auto at = LoadLittle<uint64_t>(file_, locator + 8);
  if (locator < kEnd64Bytes || at > locator - kEnd64Bytes || LoadLittle<uint32_t>(file_, at) != kEnd64Signature) {
    return At(locator, "the zip64 locator does not point at a zip64 end record");
  }
  if (LoadLittle<uint32_t>(file_, at + 16) != 0 || LoadLittle<uint32_t>(file_, at + 20) != 0) {
    return At(at, "a zip of several disks is not supported");
  }
  const Directory wide{LoadLittle<uint64_t>(file_, at + 48), LoadLittle<uint64_t>(file_, at + 40),
                       LoadLittle<uint64_t>(file_, at + 32)};
  const bool agree = (directory.offset == kIn64 || directory.offset == wide.offset) &&
                     (directory.size == kIn64 || directory.size == wide.size) &&
                     (directory.count == kCountIn64 || directory.count == wide.count);
  if (!agree) return At(at, "the zip64 end record contradicts the zip end record");
  if (wide.offset > at || wide.size > at - wide.offset) {
    return At(at, fmt::format("the zip directory (byte {}, {} bytes) does not fit before its end record", wide.offset,
                              wide.size));
  }
  directory = wide;
  return {};
}

Status ZipReader::ReadDirectory(const Directory& directory) {
  records_.reserve(directory.count);  // at least 46 bytes of the file each: FindDirectory() has checked it
  uint64_t at = directory.offset;
  for (uint64_t i = 0; i < directory.count; ++i) {
    VLAQ_ASSIGN_OR_RETURN(ZipRecord record, ReadEntry(directory, at));
    records_.push_back(record);
  }
  if (at != directory.offset + directory.size) return At(at, "bytes left over in the zip directory");
  return {};
}

Result<ZipRecord> ZipReader::ReadEntry(const Directory& directory, uint64_t& at) const {
  const uint64_t end = directory.offset + directory.size;
  if (end - at < kCentralBytes) return At(at, "the zip directory is cut short");
  if (LoadLittle<uint32_t>(file_, at) != kCentralSignature) return At(at, "not a zip directory entry");
  const Bytes fixed = file_.subspan(at, kCentralBytes);
  const uint64_t name_bytes = LoadLittle<uint16_t>(fixed, 28);
  const uint64_t extra_bytes = LoadLittle<uint16_t>(fixed, 30);
  const uint64_t entry_bytes = kCentralBytes + name_bytes + extra_bytes + LoadLittle<uint16_t>(fixed, 32);
  if (end - at < entry_bytes) return At(at, "the zip directory is cut short");
  ZipRecord record;
  record.name = AsText(file_.subspan(at + kCentralBytes, name_bytes));
  record.encrypted = (LoadLittle<uint16_t>(fixed, 8) & kEncrypted) != 0;
  record.method = LoadLittle<uint16_t>(fixed, 10);
  if (LoadLittle<uint16_t>(fixed, 34) != 0) return AtRecord(record, "lies on another disk");
  record.crc32 = LoadLittle<uint32_t>(fixed, 16);
  record.size = LoadLittle<uint32_t>(fixed, 20);
  uint64_t unpacked = LoadLittle<uint32_t>(fixed, 24);
  record.header_offset = LoadLittle<uint32_t>(fixed, 42);
  Zip64Field wide{FindZip64(file_.subspan(at + kCentralBytes + name_bytes, extra_bytes))};
  if (unpacked == kIn64) unpacked = wide.Take();
  if (record.size == kIn64) record.size = wide.Take();
  if (record.header_offset == kIn64) record.header_offset = wide.Take();
  if (wide.missing) return AtRecord(record, "the zip64 field of its directory entry is missing or too short");
  if (record.method == 0 && unpacked != record.size) {
    return AtRecord(record, "is stored, but its packed and unpacked sizes differ");
  }
  at += entry_bytes;
  return record;
}

Status ZipReader::CheckNames() {
  for (const ZipRecord& record : records_) {
    if (!IsSafeName(record.name) || !IsUtf8(record.name)) {
      return AtRecord(record, "the name is empty, too long, absolute, contains '..' or a forbidden character");
    }
  }
  by_name_.resize(records_.size());
  std::iota(by_name_.begin(), by_name_.end(), size_t{0});
  std::sort(by_name_.begin(), by_name_.end(), [&](size_t a, size_t b) { return records_[a].name < records_[b].name; });
  const auto twice = std::adjacent_find(by_name_.begin(), by_name_.end(),
                                        [&](size_t a, size_t b) { return records_[a].name == records_[b].name; });
  if (twice != by_name_.end()) return AtRecord(records_[*twice], "occurs twice");
  return {};
}

// Each record must end where the next one begins at the latest. The length of the local extra field is not known here;
// DataOffset() compares again with it.
Status ZipReader::CheckOverlap(const Directory& directory) {
  std::vector<size_t> order(records_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return records_[a].header_offset < records_[b].header_offset; });
  uint64_t limit = directory.offset;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    ZipRecord& record = records_[*it];
    record.limit = limit;
    const uint64_t header = kLocalBytes + record.name.size();
    if (record.header_offset > limit || limit - record.header_offset < header ||
        limit - record.header_offset - header < record.size) {
      return AtRecord(record, fmt::format("byte {}: {} bytes reach beyond byte {}, where the next record or the "
                                          "directory begins",
                                          record.header_offset, record.size, limit));
    }
    limit = record.header_offset;
  }
  return {};
}

const ZipRecord* ZipReader::Find(std::string_view name) const {
  const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](size_t i, std::string_view wanted) { return records_[i].name < wanted; });
  return it == by_name_.end() || records_[*it].name != name ? nullptr : &records_[*it];
}

Status ZipReader::CheckStored(const ZipRecord& record) const {
  if (record.encrypted) return AtRecord(record, "is encrypted");
  if (record.method == 0) return {};
  return AtRecord(record, fmt::format("is compressed (zip method {})", record.method),
                  "PyTorch stores its records uncompressed: repack the file with 'zip -0'");
}

Status ZipReader::RequireStored() const {
  for (const ZipRecord& record : records_) VLAQ_RETURN_IF_ERROR(CheckStored(record));
  return {};
}

Result<uint64_t> ZipReader::DataOffset(const ZipRecord& record) const {
  VLAQ_RETURN_IF_ERROR(CheckStored(record));
  const uint64_t at = record.header_offset;  // CheckOverlap() has seen that header and name lie inside the file
  if (LoadLittle<uint32_t>(file_, at) != kLocalSignature) return AtRecord(record, "its local header is damaged");
  const Bytes fixed = file_.subspan(at, kLocalBytes);
  const uint64_t name_bytes = LoadLittle<uint16_t>(fixed, 26);
  if (name_bytes != record.name.size() || AsText(file_.subspan(at + kLocalBytes, name_bytes)) != record.name) {
    return AtRecord(record, "its local header has another name");
  }
  const auto flags = LoadLittle<uint16_t>(fixed, 6);
  if ((flags & kEncrypted) != 0 || LoadLittle<uint16_t>(fixed, 8) != 0) {
    return AtRecord(record, "its local header says that it is encrypted or compressed");
  }
  const auto local_size = LoadLittle<uint32_t>(fixed, 22);
  const bool size_follows = (flags & kHasDescriptor) != 0 && local_size == 0;
  if (!size_follows && local_size != kIn64 && local_size != record.size) {
    return AtRecord(record, "its local header has another size");
  }
  const uint64_t data = at + kLocalBytes + name_bytes + LoadLittle<uint16_t>(fixed, 28);
  if (data > record.limit || record.limit - data < record.size) {
    return AtRecord(record, fmt::format("its {} bytes at byte {} run into the next record", record.size, data));
  }
  return data;
}

Result<Bytes> ZipReader::Data(const ZipRecord& record) const {
  VLAQ_ASSIGN_OR_RETURN(const uint64_t offset, DataOffset(record));
  return file_.subspan(offset, record.size);
}

Status ZipReader::CheckCrc(const ZipRecord& record) const {
  VLAQ_ASSIGN_OR_RETURN(Bytes data, Data(record));
  uLong crc = ::crc32(0, nullptr, 0);
  while (!data.empty()) {
    const Bytes block = data.first(std::min(data.size(), kCrcBlock));
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(block.data()), static_cast<uInt>(block.size()));
    data = data.subspan(block.size());
  }
  if (crc == record.crc32) return {};
  return AtRecord(record, fmt::format("CRC-32 is {:08x}, the directory says {:08x}", crc, record.crc32),
                  "the bytes are damaged, or the writer left the checksum out");
}

}  // namespace vlaq::checkpoint
