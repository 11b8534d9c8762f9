// Names of topics and types: as ROS says them, and as they go over DDS.
//
// A topic's name is absolute (/cmd_vel), relative to the namespace (camera/image) or private to the node (~/status).
// Pure functions: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vlaq::ros2 {

// What one `-r old:=new` says. Both sides are names of topics.
struct Remapping {
  std::string from;
  std::string to;
};

// Of "old:=new". Errors: kUsage if it has another form or a side is no name of a topic.
Result<Remapping> ParseRemapping(std::string_view rule);

// What names are resolved with.
struct NameSpace {
  std::string name_space = "/";  // absolute
  std::string node_name = "vlaq";
  std::vector<Remapping> remappings;  // the first whose `from` resolves to the name decides
};
// Errors: kUsage naming the part that is no such name.
Status CheckNameSpace(const NameSpace& space);

// "image" in namespace "/r1" -> "/r1/image", then remapped, once. Errors: kUsage saying what is wrong with the name.
Result<std::string> ResolveTopic(std::string_view name, const NameSpace& space);

// "/cmd_vel" -> "rt/cmd_vel". `topic` is absolute, as ResolveTopic() gives it.
std::string DdsTopicName(std::string_view topic);
// "geometry_msgs/msg/Twist" -> "geometry_msgs::msg::dds_::Twist_". Errors: kUsage for what is no package/msg/Type.
Result<std::string> DdsTypeName(std::string_view type);
// The other way round; the name as it is where it is not ROS's.
std::string RosTypeName(std::string_view dds_type);

}  // namespace vlaq::ros2
