// Any bytes as a zip: the directory is read, every record is looked up, located and checksummed.
#include <cstdint>
#include <cstdlib>

#include "checkpoint/zip_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const vlaq::Bytes bytes = std::as_bytes(std::span(data, size));
  const auto zip = vlaq::checkpoint::ZipReader::Open(bytes, "fuzz");
  if (!zip.ok()) return 0;
  (void)zip->RequireStored().ok();
  uint64_t total = 0;
  for (const auto& record : zip->records()) {
    if (zip->Find(record.name) != &record) std::abort();  // names are unique
    const auto payload = zip->Data(record);
    if (!payload.ok()) continue;
    total += payload->size();
    (void)zip->CheckCrc(record).ok();
  }
  if (total > size) std::abort();  // records do not overlap
  return 0;
}
