#include "ros2/dds_domain.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

namespace vlaq::ros2 {
namespace {

struct OpenDomains {
  std::mutex mutex;
  struct Entry {
    Discovery discovery;
    DdsEntity entity;
    int users = 0;
  };
  std::map<int, Entry> by_number;
};

OpenDomains& Open() {
  static OpenDomains domains;
  return domains;
}

class Use : public DdsDomain {
 public:
  explicit Use(int number) : number_(number) {}
  // Under the lock, so that nobody opens a domain that is being closed.
  ~Use() override {
    const std::lock_guard lock(Open().mutex);
    const auto entry = Open().by_number.find(number_);
    if (--entry->second.users == 0) Open().by_number.erase(entry);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  int number_;
};

}  // namespace

Result<DdsEntity> OwnedEntity(const std::string& what, dds_entity_t handle) {
  if (handle < 0) return DdsError(what, handle);
  return DdsEntity(handle);
}

Result<std::shared_ptr<DdsDomain>> OpenDomain(const Discovery& discovery) {
  const std::lock_guard lock(Open().mutex);
  const auto found = Open().by_number.find(discovery.domain);
  if (found == Open().by_number.end()) {
    VLAQ_ASSIGN_OR_RETURN(DdsEntity entity,
                          OwnedEntity(fmt::format("open domain {}", discovery.domain),
                                      Dds().dds_create_domain(static_cast<dds_domainid_t>(discovery.domain),
                                                              CycloneConfiguration(discovery).c_str())));
    Open().by_number.emplace(discovery.domain, OpenDomains::Entry{discovery, std::move(entity), 0});
  } else if (found->second.discovery != discovery) {
    return Error{ErrorCode::kBackend,
                 fmt::format("domain {} is open in this process with other settings of discovery", discovery.domain),
                 "Cyclone DDS", "give all nodes of a process the same range and peers"};
  }
  ++Open().by_number[discovery.domain].users;
  return std::shared_ptr<DdsDomain>(std::make_shared<Use>(discovery.domain));
}

}  // namespace vlaq::ros2
