// Bytes as text, RFC 4648 with padding.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace vlaq {

std::string Base64(Bytes bytes);
// The bytes again. Errors: kInput naming the character that is none of the alphabet, or a length or padding that no
// bytes have.
Result<std::string> FromBase64(std::string_view text);

}  // namespace vlaq
