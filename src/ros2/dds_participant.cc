#include "ros2/dds_participant.h"

#include <algorithm>

namespace vlaq::ros2 {

Listed::Listed(Participant& participant, Endpoint* endpoint) : participant_(participant), endpoint_(endpoint) {
  const std::lock_guard lock(participant_.mutex);
  participant_.endpoints.push_back(endpoint_);
}

Listed::~Listed() {
  const std::lock_guard lock(participant_.mutex);
  auto& all = participant_.endpoints;
  all.erase(std::remove(all.begin(), all.end(), endpoint_), all.end());
}

Result<std::shared_ptr<Participant>> OpenParticipant(const Discovery& discovery) {
  const DdsLibrary& dds = Dds();
  auto participant = std::make_shared<Participant>();
  VLAQ_ASSIGN_OR_RETURN(participant->domain, OpenDomain(discovery));
  VLAQ_ASSIGN_OR_RETURN(
      participant->entity,
      OwnedEntity("join the domain",
                  dds.dds_create_participant(static_cast<dds_domainid_t>(discovery.domain), nullptr, nullptr)));
  const dds_entity_t entity = participant->entity.get();
  if (const dds_return_t code = dds.dds_get_guid(entity, &participant->guid); code < 0)
    return DdsError("join the domain", code);
  VLAQ_ASSIGN_OR_RETURN(participant->wake, OwnedEntity("make a condition", dds.dds_create_guardcondition(entity)));
  VLAQ_ASSIGN_OR_RETURN(participant->waiter, OwnedEntity("make a waitset", dds.dds_create_waitset(entity)));
  const dds_return_t code = dds.dds_waitset_attach(participant->waiter.get(), participant->wake.get(), 0);
  if (code < 0) return DdsError("make a waitset", code);
  return participant;
}

Result<DdsTopic> MakeTopic(const Participant& participant, const std::string& dds_topic, const std::string& dds_type,
                           MessageCheck check) {
  ddsi_sertype* type = MakeRawType(dds_type, check);
  const dds_entity_t handle =
      Dds().dds_create_topic_sertype(participant.entity.get(), dds_topic.c_str(), &type, nullptr, nullptr, nullptr);
  if (handle < 0) {
    Dds().ddsi_sertype_unref(type);
    return DdsError("make topic " + dds_topic, handle);
  }
  return DdsTopic{dds_topic, dds_type, DdsEntity(handle), type};
}

OwnedQos MakeQos(const Qos& qos) {
  const DdsLibrary& dds = Dds();
  OwnedQos made(dds.dds_create_qos(), dds.dds_delete_qos);
  dds.dds_qset_history(made.get(), DDS_HISTORY_KEEP_LAST, qos.depth);
  // Publishing never waits for a subscriber that is slow.
  dds.dds_qset_reliability(
      made.get(), qos.reliability == Reliability::kReliable ? DDS_RELIABILITY_RELIABLE : DDS_RELIABILITY_BEST_EFFORT,
      0);
  dds.dds_qset_durability(made.get(), DDS_DURABILITY_VOLATILE);
  dds.dds_qset_writer_data_lifecycle(made.get(), false);
  const dds_data_representation_id_t plain = DDS_DATA_REPRESENTATION_XCDR1;
  dds.dds_qset_data_representation(made.get(), 1, &plain);
  return made;
}

}  // namespace vlaq::ros2
