// Who finds whom: the domain and how far messages go, by the words that ROS 2 has for it, and the same as a
// configuration of Cyclone DDS. Pure functions: any thread.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "base/status.h"

namespace vlaq::ros2 {

enum class DiscoveryRange {
  kSubnet,     // the network, by multicast
  kLocalhost,  // this machine; with static peers, those too; no multicast
  kOff,        // nobody but nodes of this process
  kSystem,     // what Cyclone's own configuration says (CYCLONEDDS_URI)
};
inline constexpr std::array kDiscoveryRanges = {
    Named{DiscoveryRange::kSubnet, "SUBNET"}, Named{DiscoveryRange::kLocalhost, "LOCALHOST"},
    Named{DiscoveryRange::kOff, "OFF"}, Named{DiscoveryRange::kSystem, "SYSTEM_DEFAULT"}};

struct Discovery {
  int domain = 0;  // 0..232; above 101 its ports may be those that Linux gives to others
  DiscoveryRange range = DiscoveryRange::kSubnet;
  std::vector<std::string> static_peers;  // addresses or host names
  std::string cyclone_uri;                // configuration of the user's own (CYCLONEDDS_URI), read after ours

  bool operator==(const Discovery&) const = default;
};

inline constexpr int kMaxDomain = 232;       // the last whose ports exist
inline constexpr int kMaxUsualDomain = 101;  // the last below Linux's range of ports for anybody

// What ROS_DOMAIN_ID, ROS_LOCALHOST_ONLY, ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and CYCLONEDDS_URI say; unset
// or empty ones say nothing. ROS_LOCALHOST_ONLY=1 takes precedence over range and peers, as in ROS 2. `get` gives a
// variable's value, or nullptr: std::getenv. Errors: kUsage naming the variable.
Result<Discovery> DiscoveryFromEnvironment(const std::function<const char*(const char*)>& get);

// Errors: kUsage for a domain out of range or a peer that is no address.
Status CheckDiscovery(const Discovery& discovery);

// The text that dds_create_domain takes. `discovery` has passed CheckDiscovery.
std::string CycloneConfiguration(const Discovery& discovery);

}  // namespace vlaq::ros2
