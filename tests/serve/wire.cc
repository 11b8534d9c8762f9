// Messages on standard input, each after its length (4 bytes, little-endian), read and written again the same way:
// for a test that compares our bytes with those of other people's library.
#include <cstdint>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>

#include "msgpack/decode.h"
#include "msgpack/encode.h"

int main() {
  const std::string all{std::istreambuf_iterator<char>(std::cin), {}};
  for (size_t at = 0; at + sizeof(uint32_t) <= all.size();) {
    uint32_t size = 0;
    std::memcpy(&size, all.data() + at, sizeof(size));
    at += sizeof(size);
    if (size > all.size() - at) return 1;
    const auto value = vlaq::msgpack::Decode(std::as_bytes(std::span(all)).subspan(at, size));
    at += size;
    const auto encoded = value.ok() ? vlaq::msgpack::Encode(*value) : vlaq::Result<std::string>(value.error());
    if (!encoded.ok()) {
      std::cerr << encoded.error().ToString() << "\n";
      return 1;
    }
    const auto length = static_cast<uint32_t>(encoded->size());
    std::cout.write(reinterpret_cast<const char*>(&length), sizeof(length));
    std::cout << *encoded;
  }
  return 0;
}
