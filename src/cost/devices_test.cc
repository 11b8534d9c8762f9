#include "cost/devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "cost/device_file.h"

namespace vlaq::cost {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Devices, HaveNamesSourcesAndModesOfTheirOwn) {
  std::set<std::string> names;
  for (const Device& device : Devices()) {
    EXPECT_TRUE(names.insert(device.name).second);
    EXPECT_FALSE(device.source.empty());
    ASSERT_FALSE(device.modes.empty());
    std::set<std::string> modes;
    for (const PowerMode& mode : device.modes) {
      EXPECT_TRUE(modes.insert(mode.name).second);
      EXPECT_FALSE(mode.source.empty()) << device.name << " " << mode.name;
      EXPECT_TRUE(device.BytesPerSecond(mode));
      EXPECT_LE(*mode.macs_per_s.int8, *device.modes.back().macs_per_s.int8) << "the fastest is last";
    }
    EXPECT_EQ(*FindDevice(device.name), &device);
  }
}

// What NVIDIA prints, from what is written down here: sparse INT8 TOPS of the GPU are 4 x dense MACs.
TEST(Devices, PeaksGiveTheFiguresOfTheDataSheets) {
  const auto mode = [](const char* device, const char* name) { return *(*(*FindDevice(device))->FindMode(name)); };
  EXPECT_NEAR(*mode("orin-nx-16", "MAXN").macs_per_s.int8 * 4 / 1e12, 60, 0.5);
  EXPECT_NEAR(*mode("orin-nx-8", "MAXN").macs_per_s.int8 * 4 / 1e12, 50, 0.5);
  EXPECT_NEAR(*mode("orin-nx-16", "MAXN").macs_per_s.fp32 * 2 / 1e12, 1.88, 0.005);
  EXPECT_NEAR(*mode("orin-agx-64", "MAXN").macs_per_s.fp32 * 2 / 1e12, 5.3, 0.05);
  EXPECT_DOUBLE_EQ(*mode("orin-agx-64", "50W").macs_per_s.int8, 109e12 / 4);
  EXPECT_NEAR(*mode("orin-nx-16-super", "MAXN_SUPER").macs_per_s.int8 * 4 / 1e12, 77, 0.5);
}

TEST(Devices, LowPowerModesHaveHalfTheMultiprocessorsAndAt10WattsSlowerMemory) {
  const Device& device = **FindDevice("orin-nx-16");
  const auto mode = [&device](const char* name) { return **device.FindMode(name); };
  EXPECT_DOUBLE_EQ(*mode("15W").macs_per_s.int8, *mode("MAXN").macs_per_s.int8 / 2 * 612 / 918);
  EXPECT_DOUBLE_EQ(*mode("10W").macs_per_s.int8, *mode("15W").macs_per_s.int8);
  EXPECT_DOUBLE_EQ(*mode("25W").macs_per_s.int8, *mode("MAXN").macs_per_s.int8 * 408 / 918);
  EXPECT_NEAR(*device.BytesPerSecond(mode("10W")), 102.4e9 * 2 / 3, 0.1e9);
  EXPECT_DOUBLE_EQ(*device.BytesPerSecond(mode("15W")), 102.4e9);
}

TEST(Devices, UnknownNamesGetTheNearest) {
  const auto device = FindDevice("orin-nx-6");
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.error().code, ErrorCode::kUsage);
  EXPECT_THAT(device.error().ToString(), ::testing::AllOf(HasSubstr("there are "), HasSubstr("orin-nx-16")));
  const auto mode = (*FindDevice("orin-nx-16"))->FindMode("MAXX");
  ASSERT_FALSE(mode.ok());
  EXPECT_THAT(mode.error().ToString(), AllOf(HasSubstr("'MAXX'"), HasSubstr("did you mean MAXN?")));
  const auto other = (*FindDevice("orin-nx-16"))->FindMode("very much power");
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().ToString(), HasSubstr("10W, 15W, 25W, MAXN"));
}

TEST(DeviceFile, EveryDeviceComesBackAsItWas) {
  for (const Device& device : Devices()) {
    const Json json = DeviceToJson(device);
    const auto back = ParseDevice(json, "d.json");
    ASSERT_TRUE(back.ok()) << back.error().ToString();
    EXPECT_EQ(DeviceToJson(*back), json);
  }
}

TEST(DeviceFile, WhatIsNotKnownIsLeftOut) {
  const Json json{{"schema", "vlaq.device/1"},
                  {"name", "mine"},
                  {"memory_bytes", 1000},
                  {"source", "guess of nobody"},
                  {"modes", {{{"name", "on"}, {"int8_macs_per_s", 1e12}, {"source", "vendor"}}}}};
  const auto device = ParseDevice(json, "d.json");
  ASSERT_TRUE(device.ok()) << device.error().ToString();
  EXPECT_EQ(device->title, "mine");
  EXPECT_FALSE(device->bytes_per_s || device->reserved_bytes || device->modes[0].macs_per_s.fp16);
}

TEST(DeviceFile, ErrorsNameTheKey) {
  const struct {
    const char* pointer;
    Json value;
    const char* message;
  } cases[] = {
      {"/schema", "vlaq.device/2", "schema is \"vlaq.device/2\""},
      {"/name", nullptr, "d.json: name is missing"},
      {"/memory_bytes", "16 GB", "memory_bytes"},
      {"/memory_bytes", nullptr, "memory_bytes is missing"},
      {"/memory_bytes", -1, "memory_bytes must be 1 to 1125899906842624, not -1"},
      {"/reserved_bytes", int64_t{1} << 40U, "reserved_bytes is more"},
      {"/bytes_per_s", 0, "bytes_per_s must be above 0"},
      {"/bandwith", 1, "bandwith is not a key of a device"},
      {"/modes", Json::array(), "modes must be a list"},
      {"/modes/1/int8_macs_per_s", "fast", "modes[1]"},
      {"/modes/1/int8_macs_per_s", -5, "d.json: modes[1].int8_macs_per_s must be above 0"},
      {"/modes/0/int_macs_per_s", 5, "did you mean \"int8_macs_per_s\"?"},
      {"/modes/0/source", nullptr, "modes[0].source is missing"},
  };
  for (const auto& c : cases) {
    Json json = DeviceToJson(Devices()[0]);
    json[Json::json_pointer(c.pointer)] = c.value;
    const auto device = ParseDevice(json, "d.json");
    ASSERT_FALSE(device.ok()) << c.pointer;
    EXPECT_EQ(device.error().code, ErrorCode::kInput);
    EXPECT_THAT(device.error().ToString(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace vlaq::cost
