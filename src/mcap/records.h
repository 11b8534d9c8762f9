// What records hold. Times are nanoseconds since an epoch that the recorder chose, mostly that of Unix. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.h"

namespace vlaq::mcap {

using Texts = std::map<std::string, std::string>;

struct Header {
  std::string profile;  // "ros2": conventions that the file keeps; empty: none
  std::string library;  // what wrote it
};

// How the messages of a channel are to be understood: a message definition, in a language that `encoding` names.
struct Schema {
  uint16_t id = 0;  // from 1
  std::string name;
  std::string encoding;
  std::string data;
};

struct Channel {
  uint16_t id = 0;
  uint16_t schema_id = 0;  // 0: none
  std::string topic;
  std::string message_encoding;
  Texts metadata;
};

// `data` is the caller's when writing; when reading it lies in the mapped file and lives as long as the reader.
struct Message {
  uint16_t channel = 0;
  uint32_t sequence = 0;
  uint64_t log_time = 0;
  uint64_t publish_time = 0;
  Bytes data;
};

struct Attachment {
  uint64_t log_time = 0;
  uint64_t create_time = 0;
  std::string name;
  std::string media_type;
  Bytes data;
};

struct Statistics {
  uint64_t messages = 0;
  uint16_t schemas = 0;
  uint32_t channels = 0;
  uint32_t attachments = 0;
  uint32_t metadata = 0;
  uint32_t chunks = 0;
  uint64_t start = 0;  // the earliest and the latest log time; 0 without messages
  uint64_t end = 0;
  std::map<uint16_t, uint64_t> of_channel;  // messages by channel id

  void Count(uint16_t channel, uint64_t log_time) {
    if (messages == 0 || log_time < start) start = log_time;
    if (messages == 0 || log_time > end) end = log_time;
    ++messages;
    ++of_channel[channel];
  }
};

}  // namespace vlaq::mcap
