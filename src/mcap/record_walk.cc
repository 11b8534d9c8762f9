#include "mcap/record_walk.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace vlaq::mcap {

std::optional<RawRecord> RecordWalk::Next() {
  if (!wrong_.empty() || at_ == end_) return std::nullopt;
  const Bytes left = file_.subspan(at_, end_ - at_);
  const auto opcode = LoadLittle<uint8_t>(left);
  if (opcode == 0) {
    wrong_ = "no record begins here";
    return std::nullopt;
  }
  if (left.size() < kRecordHead) {
    wrong_ = "a record is cut off";
    return std::nullopt;
  }
  const auto length = LoadLittle<uint64_t>(left, 1);
  RawRecord record{opcode, at_, left.subspan(kRecordHead), length > left.size() - kRecordHead};
  if (record.cut_off) {
    wrong_ = fmt::format("a record of {} bytes is cut off after {}", length, record.content.size());
    return record;
  }
  record.content = record.content.first(length);
  at_ += kRecordHead + length;
  return record;
}

}  // namespace vlaq::mcap
