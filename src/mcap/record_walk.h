// From record to record, within bounds. Not aware of: what records hold. Not thread-safe.
#pragma once

#include <optional>
#include <string>

#include "mcap/format.h"
#include "vlaq/bytes.h"

namespace vlaq::mcap {

struct RawRecord {
  uint8_t opcode = 0;
  uint64_t offset = 0;  // of the opcode, in the file
  Bytes content;
  bool cut_off = false;  // content is what there is of it; the last of its walk

  bool Is(Opcode code) const { return opcode == static_cast<uint8_t>(code); }
};

class RecordWalk {
 public:
  // Records from `begin` to `end`, offsets in `file`; begin <= end <= file.size().
  RecordWalk(Bytes file, uint64_t begin, uint64_t end) : file_(file), at_(begin), end_(end) {}

  // nullopt at the end and where the records stop making sense; wrong() tells one from the other.
  std::optional<RawRecord> Next();
  uint64_t offset() const { return at_; }
  const std::string& wrong() const { return wrong_; }  // "" or what stands at offset()

 private:
  Bytes file_;
  uint64_t at_, end_;
  std::string wrong_;
};

}  // namespace vlaq::mcap
