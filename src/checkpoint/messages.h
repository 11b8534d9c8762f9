// Places and names inside error messages. Names come out of hostile files, so they are quoted and cut short before a
// person's terminal sees them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"

namespace vlaq::checkpoint {

// "'name'": control characters and bytes that are not UTF-8 as \xNN, at most about 120 characters.
std::string Quoted(std::string_view name);
// "model.pth: byte 1234"
std::string AtByte(std::string_view file, uint64_t offset);

}  // namespace vlaq::checkpoint
