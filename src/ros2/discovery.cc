#include "ros2/discovery.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace vlaq::ros2 {
namespace {

// Participants of one machine that find each other without multicast: each has a port of its own, and all are asked.
constexpr int kParticipantsWithoutMulticast = 32;

bool IsPeer(std::string_view peer) {
  return !peer.empty() && peer.size() <= 255 && std::all_of(peer.begin(), peer.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".:-_[]%").find(c) != std::string_view::npos;
  });
}

std::vector<std::string> Peers(std::string_view text) {
  std::vector<std::string> peers;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(';', begin), text.size());
    if (end > begin) peers.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return peers;
}

}  // namespace

Result<Discovery> DiscoveryFromEnvironment(const std::function<const char*(const char*)>& get) {
  const auto value = [&](const char* name) {
    const char* text = get(name);
    return std::string_view(text == nullptr ? "" : text);
  };
  Discovery discovery;
  if (const std::string_view domain = value("ROS_DOMAIN_ID"); !domain.empty()) {
    const auto [end, error] = std::from_chars(domain.data(), domain.data() + domain.size(), discovery.domain);
    if (error != std::errc() || end != domain.data() + domain.size()) {
      return UsageError(fmt::format("ROS_DOMAIN_ID is '{}', no number", Printable(domain, 40)));
    }
  }
  if (const std::string_view range = value("ROS_AUTOMATIC_DISCOVERY_RANGE"); !range.empty()) {
    const std::optional<DiscoveryRange> found = FindIn(kDiscoveryRanges, range);
    if (!found) {
      return UsageError(fmt::format("ROS_AUTOMATIC_DISCOVERY_RANGE is '{}'", Printable(range, 40)),
                        "it is SUBNET, LOCALHOST, OFF or SYSTEM_DEFAULT");
    }
    discovery.range = *found;
  }
  discovery.static_peers = Peers(value("ROS_STATIC_PEERS"));
  if (const std::string_view only = value("ROS_LOCALHOST_ONLY"); only == "1") {
    discovery.range = DiscoveryRange::kLocalhost;
    discovery.static_peers.clear();
  } else if (!only.empty() && only != "0") {
    return UsageError(fmt::format("ROS_LOCALHOST_ONLY is '{}'", Printable(only, 40)), "it is 0 or 1");
  }
  discovery.cyclone_uri = value("CYCLONEDDS_URI");
  VLAQ_RETURN_IF_ERROR(CheckDiscovery(discovery));
  return discovery;
}

Status CheckDiscovery(const Discovery& discovery) {
  if (discovery.domain < 0 || discovery.domain > kMaxDomain) {
    return UsageError(fmt::format("domain {} is not within 0 to {}", discovery.domain, kMaxDomain));
  }
  for (const std::string& peer : discovery.static_peers) {
    if (!IsPeer(peer)) return UsageError(fmt::format("'{}' is no address of a peer", Printable(peer, 80)));
  }
  return {};
}

std::string CycloneConfiguration(const Discovery& discovery) {
  std::string text;
  if (discovery.range != DiscoveryRange::kSystem) {
    const bool is_subnet = discovery.range == DiscoveryRange::kSubnet;
    const bool is_off = discovery.range == DiscoveryRange::kOff;
    const bool is_here = !is_subnet && (is_off || discovery.static_peers.empty());
    text = fmt::format("<General><AllowMulticast>{}</AllowMulticast>", is_subnet ? "default" : "false");
    if (is_here) text += R"(<Interfaces><NetworkInterface address="127.0.0.1" multicast="false"/></Interfaces>)";
    text += "</General><Discovery>";
    // A tag that nobody else has: what is said of oneself is heard by nobody.
    if (is_off) text += fmt::format("<Tag>vlaq-{}</Tag>", ::getpid());
    std::string peers;
    if (!is_subnet) peers += R"(<Peer address="127.0.0.1"/>)";
    if (!is_off) {
      for (const std::string& peer : discovery.static_peers) peers += fmt::format(R"(<Peer address="{}"/>)", peer);
    }
    if (!peers.empty()) {
      text +=
          fmt::format("<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>{}</MaxAutoParticipantIndex>",
                      kParticipantsWithoutMulticast);
      text += "<Peers>" + peers + "</Peers>";
    }
    text += "</Discovery>";
    text = "<Domain id=\"any\">" + text + "</Domain>";
  }
  if (!discovery.cyclone_uri.empty()) text += (text.empty() ? "" : ",") + discovery.cyclone_uri;
  // Our type of raw bytes does not go through shared memory.
  text += std::string(text.empty() ? "" : ",") +
          "<Domain id=\"any\"><SharedMemory><Enable>false</Enable></SharedMemory></Domain>";
  return text;
}

}  // namespace vlaq::ros2
