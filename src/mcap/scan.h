// A recording read from its beginning to its end, whatever its indexes say: the way for files that were never closed or
// are damaged, and the one that checks everything. Reads every byte once. Not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "mcap/records.h"

namespace vlaq::mcap {

// What became known on the way.
struct Scanned {
  Header header;
  std::map<uint16_t, Schema> schemas;
  std::map<uint16_t, Channel> channels;
  Statistics statistics;                   // of what was read
  std::map<std::string, uint64_t> packed;  // chunks by the name of their compression, which were passed over
  // kInput each, in the order of the file, the first kMostDamage: what is not as it should be. A chunk with another
  // checksum is left out; behind a record that does not fit nothing was read.
  std::vector<Error> damage;
};
inline constexpr size_t kMostDamage = 16;

// Each message with its channel. What it returns ends the scan.
using OnMessage = std::function<Status(const Channel&, const Message&)>;

// `file` begins with the magic; `name` is for errors. Errors: those of `on_message`; kInput where it is given and a
// chunk is compressed.
Result<Scanned> Scan(Bytes file, const std::string& name, const OnMessage& on_message = {});

}  // namespace vlaq::mcap
