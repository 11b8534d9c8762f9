// Entities of DDS as owners, and the one domain of each number that a process can have.
#pragma once

#include <memory>
#include <utility>

#include "base/status.h"
#include "ros2/dds_library.h"
#include "ros2/discovery.h"

namespace vlaq::ros2 {

// Deletes the entity, with everything made from it.
class DdsEntity {
 public:
  explicit DdsEntity(dds_entity_t handle = 0) : handle_(handle) {}
  ~DdsEntity() { Reset(); }
  DdsEntity(DdsEntity&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  DdsEntity& operator=(DdsEntity&& other) noexcept {
    Reset();
    handle_ = std::exchange(other.handle_, 0);
    return *this;
  }
  DdsEntity(const DdsEntity&) = delete;
  DdsEntity& operator=(const DdsEntity&) = delete;

  dds_entity_t get() const { return handle_; }
  void Reset() {
    if (handle_ > 0) Dds().dds_delete(std::exchange(handle_, 0));
  }

 private:
  dds_entity_t handle_;
};

// The handle as an owner, or the error that a negative one is.
Result<DdsEntity> OwnedEntity(const std::string& what, dds_entity_t handle);

class DdsDomain {
 public:
  virtual ~DdsDomain() = default;
};

// Opens the domain, or shares the one that this process has. Errors: kBackend if that one has other settings, or DDS
// refuses. Thread-safe. LoadDds() comes first.
Result<std::shared_ptr<DdsDomain>> OpenDomain(const Discovery& discovery);

}  // namespace vlaq::ros2
