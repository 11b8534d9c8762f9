// Bytes as text, RFC 4648 with padding (OpenSSL).
#pragma once

#include <string>

#include "base/bytes.h"

namespace vlaq {

std::string Base64(Bytes bytes);

}  // namespace vlaq
