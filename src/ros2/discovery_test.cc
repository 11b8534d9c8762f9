#include "ros2/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace vlaq::ros2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Result<Discovery> From(const std::map<std::string, std::string>& variables) {
  return DiscoveryFromEnvironment([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Discovery, NothingSaidIsDomainZeroOfTheSubnet) {
  const Result<Discovery> none = From({});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(*none, Discovery());
  EXPECT_EQ(*From({{"ROS_DOMAIN_ID", ""}, {"ROS_LOCALHOST_ONLY", "0"}}), Discovery());
}

TEST(Discovery, VariablesOfRosAreRead) {
  const Result<Discovery> discovery = From({{"ROS_DOMAIN_ID", "42"},
                                            {"ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST"},
                                            {"ROS_STATIC_PEERS", "10.0.0.2;robot.local;"}});
  ASSERT_TRUE(discovery.ok());
  EXPECT_EQ(discovery->domain, 42);
  EXPECT_EQ(discovery->range, DiscoveryRange::kLocalhost);
  EXPECT_THAT(discovery->static_peers, ElementsAre("10.0.0.2", "robot.local"));
  const Result<Discovery> only = From({{"ROS_LOCALHOST_ONLY", "1"}, {"ROS_STATIC_PEERS", "10.0.0.2"}});
  ASSERT_TRUE(only.ok());
  EXPECT_EQ(only->range, DiscoveryRange::kLocalhost);
  EXPECT_TRUE(only->static_peers.empty());
}

TEST(Discovery, WrongOnesAreNamed) {
  const auto error = [](const std::map<std::string, std::string>& variables) {
    const Result<Discovery> discovery = From(variables);
    return discovery.ok() ? "none" : discovery.error().ToString();
  };
  EXPECT_THAT(error({{"ROS_DOMAIN_ID", "x"}}), HasSubstr("ROS_DOMAIN_ID is 'x'"));
  EXPECT_THAT(error({{"ROS_DOMAIN_ID", "233"}}), HasSubstr("not within 0 to 232"));
  EXPECT_THAT(error({{"ROS_AUTOMATIC_DISCOVERY_RANGE", "ALL"}}), HasSubstr("SUBNET, LOCALHOST, OFF"));
  EXPECT_THAT(error({{"ROS_LOCALHOST_ONLY", "yes"}}), HasSubstr("ROS_LOCALHOST_ONLY is 'yes'"));
  EXPECT_THAT(error({{"ROS_STATIC_PEERS", "a\"/><b"}}), HasSubstr("is no address of a peer"));
}

TEST(Discovery, AsCyclonesConfiguration) {
  Discovery discovery;
  EXPECT_THAT(CycloneConfiguration(discovery), HasSubstr("<AllowMulticast>default</AllowMulticast>"));
  EXPECT_THAT(CycloneConfiguration(discovery), Not(HasSubstr("Peer")));
  discovery.range = DiscoveryRange::kLocalhost;
  EXPECT_THAT(CycloneConfiguration(discovery), HasSubstr("<AllowMulticast>false</AllowMulticast>"));
  EXPECT_THAT(CycloneConfiguration(discovery),
              HasSubstr(R"(<NetworkInterface address="127.0.0.1" multicast="false"/>)"));
  EXPECT_THAT(CycloneConfiguration(discovery), HasSubstr(R"(<Peer address="127.0.0.1"/>)"));
  discovery.static_peers = {"10.0.0.2"};
  EXPECT_THAT(CycloneConfiguration(discovery), HasSubstr(R"(<Peer address="10.0.0.2"/>)"));
  EXPECT_THAT(CycloneConfiguration(discovery), Not(HasSubstr("NetworkInterface")))
      << "10.0.0.2 is not reached through 127.0.0.1";
  discovery.range = DiscoveryRange::kOff;
  EXPECT_THAT(CycloneConfiguration(discovery), HasSubstr("<Tag>vlaq-"));
  EXPECT_THAT(CycloneConfiguration(discovery), Not(HasSubstr("10.0.0.2")));
  discovery = {0, DiscoveryRange::kSystem, {}, "file:///etc/dds.xml"};
  EXPECT_THAT(CycloneConfiguration(discovery), testing::StartsWith("file:///etc/dds.xml,"));
}

}  // namespace
}  // namespace vlaq::ros2
