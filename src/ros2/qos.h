// Quality of service of topics: the profiles of ROS 2 as data.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/names.h"

namespace vlaq::ros2 {

enum class Reliability { kReliable, kBestEffort };
inline constexpr std::array kReliabilities = {Named{Reliability::kReliable, "reliable"},
                                              Named{Reliability::kBestEffort, "best effort"}};

// History is "keep last", durability is volatile, as in all profiles below. A subscription that asks for reliable gets
// nothing from a publisher that offers best effort.
struct Qos {
  int depth = 10;  // messages kept, at least 1
  Reliability reliability = Reliability::kReliable;
};

// For commands and texts: reliable, ten kept.
inline constexpr Qos kDefaultQos{};
// For cameras: matches every publisher; of what arrives only the newest matters.
inline constexpr Qos kNewestOnly{1, Reliability::kBestEffort};

inline constexpr std::array kQosProfiles = {
    Named{Qos{10, Reliability::kReliable}, "default"},
    Named{Qos{5, Reliability::kBestEffort}, "sensor_data"},
    Named{Qos{10, Reliability::kReliable}, "services"},
    Named{Qos{1000, Reliability::kReliable}, "parameters"},
};

}  // namespace vlaq::ros2
