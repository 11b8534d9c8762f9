#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "ros2/codec.h"
#include "ros2/dds_events.h"
#include "ros2/dds_participant.h"
#include "ros2/node.h"

namespace vlaq::ros2 {
namespace {

constexpr int kMaxDepth = 10000;

void ReleaseSample(void* sample) { ddsi_serdata_unref(static_cast<ddsi_serdata*>(sample)); }

class DdsPublisher : public Publisher, public Endpoint {
 public:
  DdsPublisher(std::shared_ptr<Participant> participant, std::string name, DdsTopic topic, DdsEntity writer,
               MessageCheck check, const Qos& qos)
      : participant_(std::move(participant)),
        name_(std::move(name)),
        topic_(std::move(topic)),
        writer_(std::move(writer)),
        check_(check),
        qos_(qos),
        listed_(*participant_, this) {}

  Status Publish(Bytes cdr) override {
    ddsi_serdata* sample = MakeRawSample(*topic_.type, cdr);
    if (sample == nullptr) {
      if (check_ != nullptr) VLAQ_RETURN_IF_ERROR(check_(cdr));
      return InputError(name_, fmt::format("{} bytes are no message", cdr.size()));
    }
    // Takes the sample over in any case. A time-out means that what a reader has not acknowledged fills the buffer.
    const dds_return_t code = Dds().dds_writecdr(writer_.get(), sample);
    return code < 0 ? Status(Within(name_, DdsError("publish", code))) : Status();
  }
  int subscribers() const override {
    dds_publication_matched_status_t status{};
    ReadMatched(status);
    return static_cast<int>(status.current_count);
  }
  const std::string& topic() const override { return name_; }

  const std::string& dds_topic() const override { return topic_.dds_topic; }
  const std::string& dds_type() const override { return topic_.dds_type; }
  void AppendEvents(std::vector<std::string>& events) override {
    dds_publication_matched_status_t status{};
    ReadMatched(status);
    peers_.Append("subscriber", status.total_count, status.current_count, events);
    dds_offered_incompatible_qos_status_t offered{};
    if (Dds().dds_get_offered_incompatible_qos_status(writer_.get(), &offered) == 0 && offered.total_count_change > 0) {
      events.push_back(MismatchText(false, offered.last_policy_id, qos_));
    }
  }

 private:
  // Reading sets DDS's own changes to zero, so these are kept in peers_.
  void ReadMatched(dds_publication_matched_status_t& status) const {
    Dds().dds_get_publication_matched_status(writer_.get(), &status);
  }

  std::shared_ptr<Participant> participant_;  // ends after what is made from it
  std::string name_;
  DdsTopic topic_;
  DdsEntity writer_;
  MessageCheck check_;
  Qos qos_;
  PeerCount peers_;
  Listed listed_;
};

class DdsSubscription : public Subscription, public Endpoint {
 public:
  DdsSubscription(std::shared_ptr<Participant> participant, std::string name, DdsTopic topic, DdsEntity reader,
                  DdsEntity condition, const Qos& qos)
      : participant_(std::move(participant)),
        name_(std::move(name)),
        topic_(std::move(topic)),
        reader_(std::move(reader)),
        condition_(std::move(condition)),
        qos_(qos),
        counts_(CountsOf(*topic_.type)),
        malformed_before_(counts_->malformed.load()),
        listed_(*participant_, this) {}
  ~DdsSubscription() override { Dds().dds_waitset_detach(participant_->waiter.get(), condition_.get()); }
  DdsSubscription(const DdsSubscription&) = delete;
  DdsSubscription& operator=(const DdsSubscription&) = delete;

  std::optional<ReceivedMessage> Take() override {
    for (;;) {
      ddsi_serdata* sample = nullptr;
      dds_sample_info_t info{};
      if (Dds().dds_takecdr(reader_.get(), &sample, 1, &info, DDS_ANY_STATE) <= 0) return std::nullopt;
      ReceivedMessage message(BytesOf(*sample), info.source_timestamp, ReceivedAt(*sample), {sample, &ReleaseSample});
      if (info.valid_data) return message;  // else a publisher has ended
    }
  }
  std::optional<ReceivedMessage> TakeNewest() override {
    std::optional<ReceivedMessage> newest;
    for (int i = 0; i <= qos_.depth; ++i) {  // bounded, where a publisher is faster than this
      std::optional<ReceivedMessage> next = Take();
      if (!next) break;
      newest.emplace(std::move(*next));
    }
    return newest;
  }
  int publishers() const override {
    dds_subscription_matched_status_t status{};
    Dds().dds_get_subscription_matched_status(reader_.get(), &status);
    return static_cast<int>(status.current_count);
  }
  uint64_t lost() const override {
    dds_sample_lost_status_t status{};
    Dds().dds_get_sample_lost_status(reader_.get(), &status);
    return status.total_count;
  }
  uint64_t malformed() const override { return counts_->malformed.load() - malformed_before_; }
  const std::string& topic() const override { return name_; }

  const std::string& dds_topic() const override { return topic_.dds_topic; }
  const std::string& dds_type() const override { return topic_.dds_type; }
  void AppendEvents(std::vector<std::string>& events) override {
    dds_subscription_matched_status_t status{};
    Dds().dds_get_subscription_matched_status(reader_.get(), &status);
    peers_.Append("publisher", status.total_count, status.current_count, events);
    dds_requested_incompatible_qos_status_t requested{};
    if (Dds().dds_get_requested_incompatible_qos_status(reader_.get(), &requested) == 0 &&
        requested.total_count_change > 0) {
      events.push_back(MismatchText(true, requested.last_policy_id, qos_));
    }
    const uint64_t malformed_now = malformed();
    if (malformed_now > malformed_told_) {
      events.push_back(fmt::format("{} dropped: not of type {}", Counted(malformed_now - malformed_told_, "message"),
                                   RosTypeName(topic_.dds_type)));
      malformed_told_ = malformed_now;
    }
  }

 private:
  std::shared_ptr<Participant> participant_;  // ends after what is made from it
  std::string name_;
  DdsTopic topic_;
  DdsEntity reader_;
  DdsEntity condition_;
  Qos qos_;
  std::shared_ptr<const RawTypeCounts> counts_;
  uint64_t malformed_before_;
  uint64_t malformed_told_ = 0;
  PeerCount peers_;
  Listed listed_;
};

// A name, type and QoS as given, checked and in DDS's words.
struct Wanted {
  std::string topic;
  std::string dds_type;
  MessageCheck check = nullptr;
};

class DdsNode : public Node {
 public:
  DdsNode(std::shared_ptr<Participant> participant, TypeWatch watch, const NodeOptions& options)
      : participant_(std::move(participant)), watch_(std::move(watch)), names_(options.names) {
    const int domain = options.discovery.domain;
    if (domain > kMaxUsualDomain) {
      notes_.push_back(
          fmt::format("domain {} is above {}: its ports may be taken by other programs", domain, kMaxUsualDomain));
    }
  }

  Result<std::unique_ptr<Publisher>> Advertise(std::string_view topic, std::string_view type, const Qos& qos) override {
    VLAQ_ASSIGN_OR_RETURN(Wanted wanted, Want(topic, type, qos));
    VLAQ_ASSIGN_OR_RETURN(DdsTopic made,
                          MakeTopic(*participant_, DdsTopicName(wanted.topic), wanted.dds_type, wanted.check));
    const OwnedQos dds_qos = MakeQos(qos);
    VLAQ_ASSIGN_OR_RETURN(
        DdsEntity writer,
        OwnedEntity("publish " + wanted.topic,
                    Dds().dds_create_writer(participant_->entity.get(), made.entity.get(), dds_qos.get(), nullptr)));
    return std::unique_ptr<Publisher>(std::make_unique<DdsPublisher>(
        participant_, std::move(wanted.topic), std::move(made), std::move(writer), wanted.check, qos));
  }

  Result<std::unique_ptr<Subscription>> Subscribe(std::string_view topic, std::string_view type,
                                                  const Qos& qos) override {
    VLAQ_ASSIGN_OR_RETURN(Wanted wanted, Want(topic, type, qos));
    VLAQ_ASSIGN_OR_RETURN(DdsTopic made,
                          MakeTopic(*participant_, DdsTopicName(wanted.topic), wanted.dds_type, wanted.check));
    const OwnedQos dds_qos = MakeQos(qos);
    const std::string what = "subscribe to " + wanted.topic;
    VLAQ_ASSIGN_OR_RETURN(DdsEntity reader,
                          OwnedEntity(what, Dds().dds_create_reader(participant_->entity.get(), made.entity.get(),
                                                                    dds_qos.get(), nullptr)));
    VLAQ_ASSIGN_OR_RETURN(DdsEntity condition,
                          OwnedEntity(what, Dds().dds_create_readcondition(reader.get(), DDS_ANY_STATE)));
    const dds_return_t code = Dds().dds_waitset_attach(participant_->waiter.get(), condition.get(), 1);
    if (code < 0) return DdsError(what, code);
    return std::unique_ptr<Subscription>(std::make_unique<DdsSubscription>(
        participant_, std::move(wanted.topic), std::move(made), std::move(reader), std::move(condition), qos));
  }

  bool Wait(std::chrono::steady_clock::time_point deadline) override {
    const auto left = deadline - std::chrono::steady_clock::now();
    const int64_t nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    const dds_return_t count =
        Dds().dds_waitset_wait(participant_->waiter.get(), nullptr, 0, std::max<int64_t>(nanoseconds, 0));
    bool woken = false;
    Dds().dds_take_guardcondition(participant_->wake.get(), &woken);
    return count > 0 || woken;
  }
  void Wake() override { Dds().dds_set_guardcondition(participant_->wake.get(), true); }

  std::vector<std::string> Events() override {
    std::vector<std::string> all = std::exchange(notes_, {});
    const std::lock_guard lock(participant_->mutex);
    std::vector<std::string> own;
    for (Endpoint* endpoint : participant_->endpoints) {
      own.clear();
      endpoint->AppendEvents(own);
      for (const std::string& event : own) all.push_back(RosTopicName(endpoint->dds_topic()) + ": " + event);
    }
    watch_.AppendEvents(*participant_, all);
    return all;
  }

 private:
  Result<Wanted> Want(std::string_view topic, std::string_view type, const Qos& qos) const {
    Wanted wanted;
    VLAQ_ASSIGN_OR_RETURN(wanted.topic, ResolveTopic(topic, names_));
    VLAQ_ASSIGN_OR_RETURN(wanted.dds_type, DdsTypeName(type));
    if (qos.depth < 1 || qos.depth > kMaxDepth) {
      return UsageError(fmt::format("{}: a depth of {} is not within 1 to {}", wanted.topic, qos.depth, kMaxDepth));
    }
    if (const MessageType* known = FindMessageType(type)) wanted.check = known->check;
    return wanted;
  }

  std::shared_ptr<Participant> participant_;
  TypeWatch watch_;
  NameSpace names_;
  std::vector<std::string> notes_;
};

}  // namespace

std::optional<std::string> Node::Unavailable() { return std::nullopt; }

Result<std::unique_ptr<Node>> Node::Open(const NodeOptions& options) {
  VLAQ_RETURN_IF_ERROR(CheckDiscovery(options.discovery));
  VLAQ_RETURN_IF_ERROR(CheckNameSpace(options.names));
  VLAQ_RETURN_IF_ERROR(LoadDds(options.library));
  VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<Participant> participant, OpenParticipant(options.discovery));
  VLAQ_ASSIGN_OR_RETURN(TypeWatch watch, TypeWatch::Open(*participant));
  return std::unique_ptr<Node>(std::make_unique<DdsNode>(std::move(participant), std::move(watch), options));
}

}  // namespace vlaq::ros2
