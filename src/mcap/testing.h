// For tests only: whole files, and what a reader finds in bytes.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "mcap/reader.h"

namespace vlaq::mcap::testing {

inline std::string ReadWhole(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

inline std::string Fixture(const std::string& name) {
  return ReadWhole(std::filesystem::path(VLAQ_TESTDATA) / "mcap" / name);
}

// Messages as "TOPIC SEQUENCE LOG_TIME DATA", then what was damaged, from Open and Read.
struct Found {
  std::vector<std::string> messages;
  std::vector<std::string> damage;
  bool refused = false;  // by Open or Read
};

inline Found FindIn(const std::string& file, const Selection& selection = {}) {
  Found found;
  const auto reader = Reader::Open(AsBytes(file), "file");
  if (!reader.ok()) return {{}, {reader.error().ToString()}, true};
  for (const Error& error : reader->info().damage) found.damage.push_back(error.ToString());
  const auto damage = reader->Read(selection, [&](const Channel& channel, const Message& message) {
    found.messages.push_back(channel.topic + " " + std::to_string(message.sequence) + " " +
                             std::to_string(message.log_time) + " " + std::string(AsText(message.data)));
    return Status();
  });
  if (!damage.ok()) return {{}, {damage.error().ToString()}, true};
  for (const Error& error : *damage) found.damage.push_back(error.ToString());
  return found;
}

}  // namespace vlaq::mcap::testing
