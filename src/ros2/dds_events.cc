#include "ros2/dds_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/names.h"
#include "base/text.h"
#include "ros2/names.h"

namespace vlaq::ros2 {
namespace {

// Policies of a ROS profile, by DDS's numbers.
constexpr std::array kPolicies = {
    Named{uint32_t{DDS_DURABILITY_QOS_POLICY_ID}, "durability"},
    Named{uint32_t{DDS_DEADLINE_QOS_POLICY_ID}, "deadline"},
    Named{uint32_t{DDS_LIVELINESS_QOS_POLICY_ID}, "liveliness"},
    Named{uint32_t{DDS_OWNERSHIP_QOS_POLICY_ID}, "ownership"},
    Named{uint32_t{DDS_PRESENTATION_QOS_POLICY_ID}, "presentation"},
    Named{uint32_t{DDS_DATA_REPRESENTATION_QOS_POLICY_ID}, "data representation"},
};

// Endpoints of others are many on a busy network, and a topic of ours may come later.
constexpr size_t kMaxPending = 10000;

}  // namespace

void PeerCount::Append(std::string_view peer, uint32_t total, uint32_t current, std::vector<std::string>& events) {
  const uint32_t gone = total - current - (total_ - current_);
  if (gone > 0) {
    events.push_back(fmt::format("{} gone, {} left", Counted(gone, peer), current));
  } else if (total != total_) {
    events.push_back(fmt::format("{} now", Counted(current, peer)));
  }
  total_ = total;
  current_ = current;
}

std::string MismatchText(bool is_reader, uint32_t policy, const Qos& qos) {
  const std::string_view peer = is_reader ? "publisher" : "subscriber";
  if (policy == DDS_RELIABILITY_QOS_POLICY_ID) {
    const std::string_view own = NameIn(kReliabilities, qos.reliability);
    const std::string_view other = is_reader ? "best effort" : "reliable";
    return is_reader ? fmt::format("a publisher offers {}, this asks for {}", other, own)
                     : fmt::format("a subscriber asks for {}, this offers {}", other, own);
  }
  return fmt::format("a {} does not match: {}", peer, NameIn(kPolicies, policy));
}

std::string RosTopicName(std::string_view dds_topic) {
  return std::string(dds_topic.starts_with("rt/") ? dds_topic.substr(2) : dds_topic);
}

Result<TypeWatch> TypeWatch::Open(const Participant& participant) {
  const dds_entity_t entity = participant.entity.get();
  const auto open = [entity](dds_entity_t topic) {
    return OwnedEntity("watch peers", Dds().dds_create_reader(entity, topic, nullptr, nullptr));
  };
  TypeWatch watch;
  VLAQ_ASSIGN_OR_RETURN(watch.publications_, open(DDS_BUILTIN_TOPIC_DCPSPUBLICATION));
  VLAQ_ASSIGN_OR_RETURN(watch.subscriptions_, open(DDS_BUILTIN_TOPIC_DCPSSUBSCRIPTION));
  return watch;
}

void TypeWatch::TakeNew(const DdsEntity& reader, bool are_publishers, const Participant& participant) {
  constexpr uint32_t kAtOnce = 16;
  std::array<void*, kAtOnce> samples{};
  std::array<dds_sample_info_t, kAtOnce> infos{};
  for (;;) {
    const dds_return_t count = Dds().dds_take(reader.get(), samples.data(), infos.data(), kAtOnce, kAtOnce);
    if (count <= 0) return;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      if (!infos[i].valid_data || infos[i].instance_state != DDS_ALIVE_INSTANCE_STATE) continue;
      const auto* other = static_cast<const dds_builtintopic_endpoint_t*>(samples[i]);
      const bool is_own = std::memcmp(&other->participant_key, &participant.guid, sizeof(participant.guid)) == 0;
      if (!is_own && pending_.size() < kMaxPending) {
        pending_.push_back({other->topic_name, other->type_name, are_publishers});
      }
    }
    Dds().dds_return_loan(reader.get(), samples.data(), count);
  }
}

void TypeWatch::AppendEvents(const Participant& participant, std::vector<std::string>& events) {
  TakeNew(publications_, true, participant);
  TakeNew(subscriptions_, false, participant);
  const auto is_told = [&](const Other& other) {
    for (const Endpoint* own : participant.endpoints) {
      if (own->dds_topic() != other.dds_topic) continue;
      if (own->dds_type() != other.dds_type) {
        events.push_back(fmt::format("{}: a {} has type {}, this has {}", RosTopicName(other.dds_topic),
                                     other.is_publisher ? "publisher" : "subscriber",
                                     Printable(RosTypeName(other.dds_type), 100), RosTypeName(own->dds_type())));
      }
      return true;
    }
    return false;
  };
  pending_.erase(std::remove_if(pending_.begin(), pending_.end(), is_told), pending_.end());
}

}  // namespace vlaq::ros2
