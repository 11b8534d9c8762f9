// A streaming writer of PyTorch's zip container, byte layout as torch.save() makes it: stored records, payloads aligned
// to 64 bytes by a padding field, zip64 where sizes or offsets need it, CRC-32 throughout. Memory does not grow with
// the file. The file appears under its name only when Finish() succeeds. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/output.h"
#include "base/status.h"

namespace vlaq::synthesis {

struct PthWriterOptions {
  Existing existing = Existing::kRefuse;
  // Sizes and checksum follow each payload, as PyTorch writes; otherwise they are patched into the header in front.
  bool data_descriptors = true;
  // Fields from here on go into zip64 fields; the format's value, lower only in tests.
  uint64_t zip64_from = 0xFFFFFFFF;
};

class PthWriter {
 public:
  // The folder inside the zip is named after the file, as PyTorch does. Errors: as OutputFile::Create.
  static Result<PthWriter> Create(const std::filesystem::path& path, const PthWriterOptions& options);

  // Errors: kInput if the disk has no room for so many bytes.
  Status Expect(uint64_t bytes) const { return file_.Expect(bytes); }

  // A whole record; `name` is relative to the top folder ("data.pkl").
  Status Write(std::string_view name, std::string_view content);

  // A record in pieces that add up to `bytes`.
  Status Begin(std::string_view name, uint64_t bytes);
  // `crc32` is that of the piece alone, so that pieces can be checksummed in parallel.
  Status Append(Bytes piece, uint32_t crc32);
  Status End();

  // The directory; after this the file is complete.
  Status Finish();

 private:
  struct Record {
    std::string name;
    uint64_t header_offset = 0;
    uint64_t bytes = 0;
    uint64_t written = 0;
    uint32_t crc32 = 0;
  };

  PthWriter(OutputFile file, std::string top, const PthWriterOptions& options)
      : file_(std::move(file)), top_(std::move(top)), options_(options) {}
  bool IsWide(uint64_t value) const { return value >= options_.zip64_from; }
  std::string DirectoryEntry(const Record& record) const;

  OutputFile file_;
  std::string top_;
  PthWriterOptions options_;
  std::vector<Record> records_;  // the last one may be open
};

}  // namespace vlaq::synthesis
