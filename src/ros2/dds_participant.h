// What a node, its publishers and its subscriptions share.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "ros2/dds_domain.h"
#include "ros2/dds_raw_type.h"
#include "ros2/qos.h"

namespace vlaq::ros2 {

// A publisher or subscription as the events know it.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual const std::string& dds_topic() const = 0;
  virtual const std::string& dds_type() const = 0;
  // Appends what happened since the last call, without the topic's name.
  virtual void AppendEvents(std::vector<std::string>& events) = 0;
};

// Made by Open(), shared by all that must not outlive it. Members are set once; endpoints under the mutex.
struct Participant {
  // Members end in reverse order: entities before their domain.
  std::shared_ptr<DdsDomain> domain;
  DdsEntity entity;
  dds_guid_t guid{};
  DdsEntity wake;    // a guard condition
  DdsEntity waiter;  // a waitset with `wake` and a condition of each reader

  std::mutex mutex;
  std::vector<Endpoint*> endpoints;
};

// Puts an endpoint on the list as long as it lives.
class Listed {
 public:
  Listed(Participant& participant, Endpoint* endpoint);
  ~Listed();
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  Participant& participant_;
  Endpoint* endpoint_;
};

Result<std::shared_ptr<Participant>> OpenParticipant(const Discovery& discovery);

// A topic with its type, and a QoS for its reader or writer.
struct DdsTopic {
  std::string dds_topic;
  std::string dds_type;
  DdsEntity entity;
  // The one that DDS keeps; alive as long as the entity or anything made of it.
  const ddsi_sertype* type = nullptr;
};
Result<DdsTopic> MakeTopic(const Participant& participant, const std::string& dds_topic, const std::string& dds_type,
                           MessageCheck check);
using OwnedQos = std::unique_ptr<dds_qos_t, void (*)(dds_qos_t*)>;
OwnedQos MakeQos(const Qos& qos);

}  // namespace vlaq::ros2
