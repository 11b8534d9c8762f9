#include "base/libraries.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <xxhash.h>

#include "base/json.h"

namespace vlaq {

std::vector<LibraryVersion> BaseLibraries() {
  const unsigned xxhash = XXH_versionNumber();
  return {
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING), "SHA-256"},
      {"xxHash", fmt::format("{}.{}.{}", xxhash / 10000, xxhash / 100 % 100, xxhash % 100), "checksums of tensors"},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100), "text"},
      {"nlohmann-json",
       fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH),
       "JSON"},
  };
}

}  // namespace vlaq
