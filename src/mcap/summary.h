// The summary at the end of a recording: what is in the file, without reading it. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "mcap/records.h"

namespace vlaq::mcap {

struct Summary {
  std::map<uint16_t, Schema> schemas;
  std::map<uint16_t, Channel> channels;
  std::optional<Statistics> statistics;
  std::map<std::string, uint64_t> compressions;  // chunks by the name of their compression; "" is none
};

// nullopt if the file has none, as one that was not closed. Errors: kInput where there is one that is damaged.
Result<std::optional<Summary>> ReadSummary(Bytes file);

}  // namespace vlaq::mcap
