// The records of a zip file as byte ranges, for zips that hold their records uncompressed, as PyTorch writes them.
//
// Reads the central directory only; a local header is looked at when its record is asked for, so opening a 7 GB file
// touches a few pages. Not a general unzipper: compressed, encrypted, multi-disk and ambiguous files (duplicate or
// overlapping records, local header unlike the central one) are refused. Immutable once open; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace vlaq::checkpoint {

struct ZipRecord {
  std::string_view name;       // a view into the file
  uint64_t header_offset = 0;  // of the local header, bytes from the start of the file
  uint64_t limit = 0;          // the record must end here: the next local header or the central directory
  uint64_t size = 0;           // payload as it lies in the file, bytes
  uint32_t crc32 = 0;
  uint16_t method = 0;  // 0: stored, the only one that can be read
  bool encrypted = false;
};

class ZipReader {
 public:
  // `file` is the whole file and must outlive the reader; `where` names it in errors. Errors: kInput with the offset
  // or record.
  static Result<ZipReader> Open(Bytes file, std::string where);

  // In the order of the central directory.
  const std::vector<ZipRecord>& records() const { return records_; }
  const ZipRecord* Find(std::string_view name) const;

  // Errors: kInput naming the first record that is compressed or encrypted.
  Status RequireStored() const;
  // Where the payload lies in the file. Errors: kInput if the local header is damaged or contradicts the central one.
  Result<uint64_t> DataOffset(const ZipRecord& record) const;
  Result<Bytes> Data(const ZipRecord& record) const;
  // Reads the whole record and compares its CRC-32. Errors: kInput naming the record.
  Status CheckCrc(const ZipRecord& record) const;

 private:
  ZipReader(Bytes file, std::string where) : file_(file), where_(std::move(where)) {}

  struct Directory {
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t count = 0;
  };
  Result<Directory> FindDirectory() const;
  Status ApplyZip64(uint64_t end_offset, Directory& directory) const;
  Status ReadDirectory(const Directory& directory);
  Result<ZipRecord> ReadEntry(const Directory& directory, uint64_t& at) const;
  Status CheckNames();
  Status CheckOverlap(const Directory& directory);
  Status CheckStored(const ZipRecord& record) const;
  Error At(uint64_t offset, std::string what, std::string advice = "") const;
  Error AtRecord(const ZipRecord& record, std::string what, std::string advice = "") const;

  Bytes file_;
  std::string where_;
  std::vector<ZipRecord> records_;
  std::vector<size_t> by_name_;  // indices of records_, sorted by name
};

}  // namespace vlaq::checkpoint
