#include "checkpoint/messages.h"

#include <fmt/format.h>

namespace vlaq::checkpoint {

std::string Quoted(std::string_view name) {
  constexpr size_t kMaxQuoted = 120;
  return "'" + Printable(name, kMaxQuoted) + "'";
}

std::string AtByte(std::string_view file, uint64_t offset) { return fmt::format("{}: byte {}", file, offset); }

}  // namespace vlaq::checkpoint
