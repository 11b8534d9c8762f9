#include "ros2/schema.h"

namespace vlaq::ros2 {

std::string ShortTypeName(std::string_view type) {
  std::string name(type);
  if (const size_t at = name.find("/msg/"); at != std::string::npos) name.erase(at, 4);
  return name;
}

}  // namespace vlaq::ros2
