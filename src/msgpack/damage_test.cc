// A message cut off at every byte, and with bits turned at every byte: each is read or refused, and what is read can be
// written and read again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "msgpack/decode.h"
#include "msgpack/encode.h"

namespace vlaq::msgpack {
namespace {

std::string Observation() {
  Map cameras;
  cameras.push_back({"front", Value(Tensor::Make(DType::kU8, {3, 4, 3}))});
  Map map;
  map.push_back({"observation/state", Value(Tensor::Make(DType::kF64, {7}))});
  map.push_back({"images", Value(cameras)});
  map.push_back({"prompt", Value::Text("go to the bottle")});
  map.push_back({"numbers", Value(Array{Value::Integer(-70000), Value(Value::Data(0.5)), Value()})});
  return *Encode(Value(map));
}

void ExpectRefusedOrWhole(const std::string& message) {
  const auto decoded = Decode(std::as_bytes(std::span(message)));
  if (!decoded.ok()) {
    EXPECT_EQ(decoded.error().code, ErrorCode::kInput);
    return;
  }
  const auto encoded = Encode(*decoded);
  ASSERT_TRUE(encoded.ok());
  const auto again = Decode(std::as_bytes(std::span(*encoded)));
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(*Encode(*again), *encoded);
}

TEST(MsgpackDamageTest, CutOffAtEveryByteIsRefused) {
  const std::string whole = Observation();
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(Decode(std::as_bytes(std::span(whole.data(), length))).ok()) << length;
  }
}

TEST(MsgpackDamageTest, TurnedBitsAreRefusedOrWhole) {
  const std::string whole = Observation();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned mask : {0x01U, 0x10U, 0x80U, 0xFFU}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ mask);
      ExpectRefusedOrWhole(damaged);
    }
  }
}

}  // namespace
}  // namespace vlaq::msgpack
