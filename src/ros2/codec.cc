#include "ros2/codec.h"

#include <array>

#include "ros2/schema.h"

namespace vlaq::ros2 {
namespace {

template <Message T>
constexpr MessageType Row() {
  return {T::kType, &Check<T>, &SchemaText<T>};
}

constexpr std::array kTypes = {
    Row<String>(),          Row<Bool>(),       Row<Float32MultiArray>(), Row<Float64MultiArray>(),
    Row<Header>(),          Row<Twist>(),      Row<TwistStamped>(),      Row<Image>(),
    Row<CompressedImage>(), Row<JointState>(), Row<LaserScan>(),         Row<Range>(),
    Row<JointTrajectory>(),
};

}  // namespace

std::span<const MessageType> MessageTypes() { return kTypes; }

const MessageType* FindMessageType(std::string_view name) {
  for (const MessageType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

}  // namespace vlaq::ros2
