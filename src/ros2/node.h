// A node on a ROS 2 network, without ROS: topics with messages as CDR bytes (codec.h), over Cyclone DDS.
//
// Nobody calls back: whoever owns a subscription takes from it, and Wait() sleeps until there is something to take. A
// node, each publisher and each subscription may be used by one thread at a time, different ones by different threads;
// Wake() by any thread. Publishers and subscriptions may outlive their node object, not the use of it by others.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "ros2/discovery.h"
#include "ros2/names.h"
#include "ros2/qos.h"

namespace vlaq::ros2 {

// A message that has arrived, and the bytes it holds. It may outlive its subscription and its node.
class ReceivedMessage {
 public:
  ReceivedMessage(Bytes cdr, int64_t source_time_ns, std::chrono::steady_clock::time_point received,
                  std::unique_ptr<void, void (*)(void*)> owner)
      : cdr_(cdr), source_time_ns_(source_time_ns), received_(received), owner_(std::move(owner)) {}

  // Header and body; it is a whole message of the subscription's type where the type is one of MessageTypes().
  Bytes cdr() const { return cdr_; }
  // When the sender says that it sent: nanoseconds of its clock since 1970.
  int64_t source_time_ns() const { return source_time_ns_; }
  // When it came in here.
  std::chrono::steady_clock::time_point received() const { return received_; }

 private:
  Bytes cdr_;
  int64_t source_time_ns_;
  std::chrono::steady_clock::time_point received_;
  std::unique_ptr<void, void (*)(void*)> owner_;
};

class Publisher {
 public:
  virtual ~Publisher() = default;
  // Sends a message (header and body) and returns at once, whether or not anybody listens: a slow subscriber loses the
  // oldest. Errors: kInput if it is no message of this type; kBackend if DDS refuses.
  virtual Status Publish(Bytes cdr) = 0;
  // How many subscribers get it now.
  virtual int subscribers() const = 0;
  // The absolute name, remapped.
  virtual const std::string& topic() const = 0;
};

class Subscription {
 public:
  virtual ~Subscription() = default;
  // The oldest message that is kept, which is then gone; none if there is none.
  virtual std::optional<ReceivedMessage> Take() = 0;
  // The newest; older ones are dropped.
  virtual std::optional<ReceivedMessage> TakeNewest() = 0;
  // How many publishers send to it now. 0 after there were some: they are gone. One that crashed is noticed after its
  // lease, 10 s by ROS's default.
  virtual int publishers() const = 0;
  // Messages that did not arrive, as far as DDS knows, and those that were no message of the type, and dropped. The
  // latter are counted for all subscriptions of this process to the type in the domain.
  virtual uint64_t lost() const = 0;
  virtual uint64_t malformed() const = 0;
  virtual const std::string& topic() const = 0;
};

struct NodeOptions {
  Discovery discovery;
  NameSpace names;
  // libddsc of Cyclone DDS 0.10. Empty: $VLAQ_DDS, else beside vlaq's own libraries, else the system's.
  std::string library;
};

class Node {
 public:
  // Errors: kUsage for options that are none; kBackend if this build has no DDS, its library is not there, or another
  // node of this process has the same domain with other settings.
  static Result<std::unique_ptr<Node>> Open(const NodeOptions& options);
  // What is missing for Open() to work in this build, if anything.
  static std::optional<std::string> Unavailable();
  virtual ~Node() = default;

  // `topic` in any of the forms of names.h; `type` is "geometry_msgs/msg/Twist" or any other: messages of types that
  // MessageTypes() does not have pass unchecked. Errors: kUsage for the name, type or depth; kBackend.
  virtual Result<std::unique_ptr<Publisher>> Advertise(std::string_view topic, std::string_view type,
                                                       const Qos& qos) = 0;
  virtual Result<std::unique_ptr<Subscription>> Subscribe(std::string_view topic, std::string_view type,
                                                          const Qos& qos) = 0;

  // Sleeps until a subscription has something that was not taken, Wake() was called, or `deadline`; false for the
  // last. True may be a false alarm: a publisher's end counts, too, until the next Take().
  virtual bool Wait(std::chrono::steady_clock::time_point deadline) = 0;
  // Ends the current Wait(), or the next.
  virtual void Wake() = 0;

  // What happened since the last call, one line each, beginning with the topic: publishers and subscribers that came
  // and went, those that do not match and why, messages that were malformed.
  virtual std::vector<std::string> Events() = 0;
};

}  // namespace vlaq::ros2
