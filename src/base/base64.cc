#include "base/base64.h"

#include <openssl/evp.h>

#include <algorithm>

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

}  // namespace vlaq
