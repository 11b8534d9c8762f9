// Any bytes as a message. What is read can be written, and that reads as the same.
#include <cstdint>
#include <cstdlib>

#include "msgpack/decode.h"
#include "msgpack/encode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace msgpack = vlaq::msgpack;
  const auto value = msgpack::Decode(std::as_bytes(std::span(data, size)));
  if (!value.ok()) return 0;
  const auto encoded = msgpack::Encode(*value);
  if (!encoded.ok()) std::abort();
  // A scalar is written as an array, which has a level and some values more.
  const msgpack::Limits wide{.max_depth = 32, .max_elements = 1'000'000};
  const auto again = msgpack::Decode(std::as_bytes(std::span(*encoded)), wide);
  if (!again.ok() || *msgpack::Encode(*again) != *encoded) std::abort();
  return 0;
}
