// Any bytes as a safetensors file.
#include <cstdint>
#include <cstdlib>

#include "checkpoint/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const vlaq::Bytes bytes = std::as_bytes(std::span(data, size));
  const auto header = vlaq::checkpoint::ReadSafetensorsHeader(bytes, "fuzz");
  if (!header.ok()) return 0;
  uint64_t total = header->data_offset;
  for (const auto& tensor : header->tensors) total += tensor.end - tensor.begin;
  if (total != size) std::abort();  // the tensors tile the file
  return 0;
}
