// Any bytes as each of the ROS messages: the first byte says which. What decodes must encode to something that decodes
// to the same, and checking must agree with decoding.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "ros2/codec.h"
#include "ros2/picture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

template <vlaq::ros2::Message T>
void Try(vlaq::Bytes bytes) {
  const vlaq::Result<T> message = vlaq::ros2::Decode<T>(bytes);
  if (vlaq::ros2::Check<T>(bytes).ok() != message.ok()) std::abort();
  if (!message.ok()) return;
  const std::vector<std::byte> once = vlaq::ros2::Encode(*message);
  const vlaq::Result<T> again = vlaq::ros2::Decode<T>(once);
  if (!again.ok() || vlaq::ros2::Encode(*again) != once) std::abort();
  if constexpr (requires { vlaq::ros2::ToRgb(*message); }) {
    const vlaq::Result<vlaq::Tensor> rgb = vlaq::ros2::ToRgb(*message);
    if (rgb.ok() && rgb->rank() != 3) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vlaq::ros2;  // NOLINT(google-build-using-namespace)
  constexpr std::array kTries = {
      &Try<String>,         &Try<Bool>,  &Try<Float32MultiArray>, &Try<Float64MultiArray>, &Try<Header>,    &Try<Twist>,
      &Try<TwistStamped>,   &Try<Image>, &Try<CompressedImage>,   &Try<JointState>,        &Try<LaserScan>, &Try<Range>,
      &Try<JointTrajectory>};
  if (size == 0) return 0;
  kTries[data[0] % kTries.size()](std::as_bytes(std::span(data, size)).subspan(1));
  return 0;
}
