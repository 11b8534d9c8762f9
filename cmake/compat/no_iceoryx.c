/* Stands in for iceoryx, whose C face Debian's libddsc names for shared memory: four libraries of C++ for what vlaq turns
   off in every configuration (ros2/discovery.cc). The loader finds each function here, and none of them can go on. */
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void Refuse(const char* function) {
  fprintf(stderr, "Cyclone DDS calls %s, and this package has no shared memory\n", function);
  abort();
}

#define VLAQ_REFUSED(name) \
  _Noreturn void name(void); \
  _Noreturn void name(void) { Refuse(#name); }

VLAQ_REFUSED(iox_cfg_max_publisher_history)
VLAQ_REFUSED(iox_cfg_max_subscriber_queue_capacity)
VLAQ_REFUSED(iox_chunk_header_from_user_payload)
VLAQ_REFUSED(iox_chunk_header_to_user_header)
VLAQ_REFUSED(iox_listener_attach_subscriber_event_with_context_data)
VLAQ_REFUSED(iox_listener_deinit)
VLAQ_REFUSED(iox_listener_detach_subscriber_event)
VLAQ_REFUSED(iox_listener_init)
VLAQ_REFUSED(iox_pub_deinit)
VLAQ_REFUSED(iox_pub_init)
VLAQ_REFUSED(iox_pub_loan_aligned_chunk_with_user_header)
VLAQ_REFUSED(iox_pub_options_init)
VLAQ_REFUSED(iox_pub_publish_chunk)
VLAQ_REFUSED(iox_pub_release_chunk)
VLAQ_REFUSED(iox_pub_stop_offer)
VLAQ_REFUSED(iox_runtime_init)
VLAQ_REFUSED(iox_set_loglevel)
VLAQ_REFUSED(iox_sub_deinit)
VLAQ_REFUSED(iox_sub_init)
VLAQ_REFUSED(iox_sub_options_init)
VLAQ_REFUSED(iox_sub_release_chunk)
VLAQ_REFUSED(iox_sub_take_chunk)
VLAQ_REFUSED(iox_user_trigger_deinit)
VLAQ_REFUSED(iox_user_trigger_init)
VLAQ_REFUSED(iox_user_trigger_trigger)
