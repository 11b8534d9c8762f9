// Cyclone DDS, loaded when it is first asked for, so that a program starts without it: its functions as a table.
#pragma once

#include <dds/dds.h>
#include <dds/ddsi/ddsi_serdata.h>

#include <string>

#include "base/status.h"

// Every function of libddsc that we call, once.
// clang-format off
#define VLAQ_DDS_FUNCTIONS(X) \
  X(dds_create_domain) X(dds_create_guardcondition) X(dds_create_participant) X(dds_create_qos) \
  X(dds_create_readcondition) X(dds_create_reader) X(dds_create_topic_sertype) X(dds_create_waitset) \
  X(dds_create_writer) X(dds_delete) X(dds_delete_qos) X(dds_get_guid) X(dds_get_offered_incompatible_qos_status) \
  X(dds_get_publication_matched_status) X(dds_get_requested_incompatible_qos_status) X(dds_get_sample_lost_status) \
  X(dds_get_subscription_matched_status) X(dds_qset_data_representation) X(dds_qset_durability) \
  X(dds_qset_history) X(dds_qset_reliability) X(dds_qset_writer_data_lifecycle) X(dds_return_loan) \
  X(dds_set_guardcondition) X(dds_set_log_sink) X(dds_strretcode) X(dds_take) X(dds_take_guardcondition) \
  X(dds_takecdr) X(dds_waitset_attach) X(dds_waitset_detach) X(dds_waitset_wait) X(dds_writecdr) \
  X(ddsi_serdata_init) X(ddsi_sertype_fini) X(ddsi_sertype_init_flags) X(ddsi_sertype_unref) X(ddsi_sertype_v0)
// clang-format on

namespace vlaq::ros2 {

struct DdsLibrary {
#define VLAQ_DDS_MEMBER(name) decltype(&::name) name = nullptr;
  VLAQ_DDS_FUNCTIONS(VLAQ_DDS_MEMBER)
#undef VLAQ_DDS_MEMBER
};

// The library at `wanted`, or else $VLAQ_DDS, or else the first that is found; once a process. Errors: kBackend saying
// what to install, what was tried, that it is another version than 0.10, or that another is loaded already.
Status LoadDds(const std::string& wanted);

// The one that LoadDds() has loaded. Only after that.
const DdsLibrary& Dds();

// kBackend: "cannot WHAT: " and DDS's own words for `code`, with the last line of its log.
Error DdsError(const std::string& what, dds_return_t code);

}  // namespace vlaq::ros2
