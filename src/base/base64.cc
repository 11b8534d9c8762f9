#include "base/base64.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace vlaq {

std::string Base64(Bytes bytes) {
  // OpenSSL counts in int; whole groups of three bytes can be encoded one after the other.
  constexpr size_t kPiece = size_t{3} << 20U;
  std::string text;
  for (size_t done = 0; done < bytes.size(); done += kPiece) {
    const Bytes piece = bytes.subspan(done, std::min(kPiece, bytes.size() - done));
    const size_t before = text.size();
    text.resize(before + (piece.size() + 2) / 3 * 4 + 1);  // and a zero, which it writes
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data() + before),
                        reinterpret_cast<const unsigned char*>(piece.data()), static_cast<int>(piece.size()));
    text.resize(before + static_cast<size_t>(length));
  }
  return text;
}

Result<std::string> FromBase64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr size_t kGroup = 4;  // characters, for three bytes
  static const std::array<int, 256> codes = [kAlphabet] {
    std::array<int, 256> table{};
    table.fill(-1);
    for (size_t i = 0; i < kAlphabet.size(); ++i) table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int>(i);
    return table;
  }();
  if (text.size() % kGroup != 0)
    return InputError("", fmt::format("base64 of {} characters, not a multiple of 4", text.size()));
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const size_t characters = text.size() - padding;
  std::string bytes(text.size() / kGroup * 3, '\0');
  char* to = bytes.data();
  uint32_t bits = 0;
  for (size_t i = 0; i < characters; ++i) {
    const int code = codes[static_cast<uint8_t>(text[i])];
    if (code < 0) return InputError(fmt::format("character {}", i), "is none of base64");
    bits = bits << 6U | static_cast<uint32_t>(code);
    const size_t place = i % kGroup;  // 12, 18 and 24 bits after the second, third and fourth
    if (place > 0) *to++ = static_cast<char>(bits >> (2 * (3 - place)) & 0xFFU);
  }
  const uint32_t rest = padding == 2 ? bits & 0xFU : padding == 1 ? bits & 0x3U : 0;
  if (rest != 0) return InputError("", "base64 with bits after the last byte");
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace vlaq
