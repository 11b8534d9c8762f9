// Stands in where the build found no Cyclone DDS.
#include "ros2/libraries.h"
#include "ros2/node.h"

namespace vlaq::ros2 {

std::optional<std::string> Node::Unavailable() {
  return "vlaq was built without Cyclone DDS (Debian: cyclonedds-dev 0.10, then script/build)";
}

Result<std::unique_ptr<Node>> Node::Open(const NodeOptions& /*options*/) {
  return Error{ErrorCode::kBackend, "there is no ROS 2 in this build", "ros2", *Unavailable()};
}

Result<std::vector<LibraryVersion>> Libraries() {
  return Error{ErrorCode::kBackend, "there is no ROS 2 in this build", "ros2", *Node::Unavailable()};
}

}  // namespace vlaq::ros2
