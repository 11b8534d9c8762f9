#include "base/shared_library.h"
#include "ros2/dds_library.h"
#include "ros2/libraries.h"

namespace vlaq::ros2 {

Result<std::vector<LibraryVersion>> Libraries() {
  VLAQ_RETURN_IF_ERROR(LoadDds(""));
  const auto file = FileOfSymbol(reinterpret_cast<const void*>(Dds().dds_create_participant));
  return std::vector<LibraryVersion>{{"Cyclone DDS", "0.10 (" + file.string() + ")", "ROS 2 topics"}};
}

}  // namespace vlaq::ros2
