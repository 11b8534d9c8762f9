// Nodes for tests, in domains where only this machine, or only this process, listens.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "ros2/codec.h"
#include "ros2/node.h"
#include "ros2/testing.h"

namespace vlaq::ros2 {

inline std::chrono::steady_clock::time_point In(int seconds) {
  return std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
}

// Of each process another one, mostly: several tests run at a time.
inline int TestDomain() { return 10 + static_cast<int>(::getpid() % 90); }

inline std::unique_ptr<Node> OpenNode(DiscoveryRange range, const NameSpace& names = {}, int domain = TestDomain()) {
  NodeOptions options;
  options.discovery = {domain, range, {}, ""};
  options.names = names;
  auto node = Node::Open(options);
  if (!node.ok()) {
    ADD_FAILURE() << node.error().ToString();
    return nullptr;
  }
  return std::move(*node);
}

inline std::unique_ptr<Publisher> Advertised(Node& node, std::string_view topic, std::string_view type,
                                             const Qos& qos = {}) {
  auto publisher = node.Advertise(topic, type, qos);
  if (!publisher.ok()) {
    ADD_FAILURE() << publisher.error().ToString();
    return nullptr;
  }
  return std::move(*publisher);
}

inline std::unique_ptr<Subscription> Subscribed(Node& node, std::string_view topic, std::string_view type,
                                                const Qos& qos = {}) {
  auto subscription = node.Subscribe(topic, type, qos);
  if (!subscription.ok()) {
    ADD_FAILURE() << subscription.error().ToString();
    return nullptr;
  }
  return std::move(*subscription);
}

// Whether `is_so` came true within ten seconds.
inline bool Until(const std::function<bool()>& is_so) {
  for (const auto deadline = In(10); std::chrono::steady_clock::now() < deadline;) {
    if (is_so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

// Events until there are `least`, or ten seconds have passed.
inline std::vector<std::string> EventsOf(Node& node, size_t least) {
  std::vector<std::string> events;
  Until([&] {
    for (std::string& event : node.Events()) events.push_back(std::move(event));
    return events.size() >= least;
  });
  return events;
}

// The text of a std_msgs/msg/String, or "none".
inline std::string TextOf(const std::optional<ReceivedMessage>& message) {
  if (!message) return "none";
  const Result<String> text = Decode<String>(message->cdr());
  return text.ok() ? text->data : text.error().ToString();
}

}  // namespace vlaq::ros2
