// A type of DDS whose samples are CDR bytes as they come and go, so that any ROS message goes through by its name
// alone.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "ros2/dds_library.h"

namespace vlaq::ros2 {

// Whether bytes are a message of a type; nullptr: all are.
using MessageCheck = Status (*)(Bytes);

// What of a type outlives it: subscriptions read the count while DDS owns the type.
struct RawTypeCounts {
  std::atomic<uint64_t> malformed{0};
};

// A type for dds_create_topic_sertype, which takes it over if it succeeds; else ddsi_sertype_unref. Two of one name and
// check are one to DDS, which keeps the first: ask CountsOf() what counts.
ddsi_sertype* MakeRawType(const std::string& dds_type_name, MessageCheck check);
std::shared_ptr<const RawTypeCounts> CountsOf(const ddsi_sertype& type);

// A sample of `type`, owned by the caller (ddsi_serdata_unref); nullptr if `cdr` does not pass the check.
ddsi_serdata* MakeRawSample(const ddsi_sertype& type, Bytes cdr);

// The bytes of a sample that holds data, and when it came in here.
Bytes BytesOf(const ddsi_serdata& sample);
std::chrono::steady_clock::time_point ReceivedAt(const ddsi_serdata& sample);

}  // namespace vlaq::ros2
