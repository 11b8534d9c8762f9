// Any bytes as a file that somebody named: recognized by content, and named in an error.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/file_kind.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const vlaq::Bytes bytes = std::as_bytes(std::span(data, size));
  const std::string text = vlaq::WrongFile("fuzz", bytes, "a checkpoint", "advice", "otherwise").ToString();
  constexpr size_t kLongest = 4096;
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (!text.starts_with("fuzz: ") || text.size() > kLongest || !plain) std::abort();
  return 0;
}
