// What DDS notices about peers, as lines of text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ros2/dds_participant.h"

namespace vlaq::ros2 {

// Peers of one endpoint as they were when last told.
class PeerCount {
 public:
  // Appends "2 publishers now" and the like, of DDS's counts of all that ever matched and of those that do.
  void Append(std::string_view peer, uint32_t total, uint32_t current, std::vector<std::string>& events);

 private:
  uint32_t total_ = 0;
  uint32_t current_ = 0;
};

// Why peers do not match. `is_reader`: this is a subscription, the peer a publisher.
std::string MismatchText(bool is_reader, uint32_t policy, const Qos& qos);

// Endpoints of others that have the topic of one of ours, and another type.
class TypeWatch {
 public:
  // Errors: kBackend.
  static Result<TypeWatch> Open(const Participant& participant);
  // Appends lines with the topic's name. Under the participant's mutex.
  void AppendEvents(const Participant& participant, std::vector<std::string>& events);

 private:
  struct Other {
    std::string dds_topic;
    std::string dds_type;
    bool is_publisher;
  };
  // Takes what is new, once.
  void TakeNew(const DdsEntity& reader, bool are_publishers, const Participant& participant);

  DdsEntity publications_;
  DdsEntity subscriptions_;
  std::vector<Other> pending_;  // not told: none of ours has had that topic yet
};

// "rt/cmd_vel" -> "/cmd_vel"
std::string RosTopicName(std::string_view dds_topic);

}  // namespace vlaq::ros2
