// Any bytes as a file that somebody named: recognized by content, and named in an error.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/file_kind.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const vlaq::Bytes bytes = std::as_bytes(std::span(data, size));
  const auto kind = vlaq::RecognizeFile(bytes, "fuzz");
  const std::string text = vlaq::WrongFile("fuzz", bytes, "a checkpoint", "advice", "otherwise").ToString();
  if (kind && text.find(kind->name) == std::string::npos) std::abort();
  return 0;
}
