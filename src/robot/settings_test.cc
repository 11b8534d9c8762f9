#include "robot/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace vlaq::robot {
namespace {

using ::testing::HasSubstr;

Settings Fitting() {
  Settings settings;
  settings.timing = {.inference_period_ms = 100, .action_period_ms = 20, .expected_latency_ms = 50};
  settings.axes = {{.from = "linear_x", .to = "linear.x", .scale = 0.6, .min = -0.6, .max = 0.6, .max_rate = 2}};
  settings.sensors = {{.feature = "observation.images.front"}};
  return settings;
}

std::string ErrorOf(const Settings& settings, int64_t chunk = 10) {
  const Status status = Validate(settings, chunk);
  return status.ok() ? "" : status.error().ToString();
}

TEST(SettingsTest, AChunkMustLastUntilTheNext) {
  Settings settings = Fitting();
  EXPECT_EQ(ErrorOf(settings, 8), "");  // 160 ms of 150
  settings.timing.inference_period_ms = 110.5;
  EXPECT_THAT(ErrorOf(settings, 8),
              AllOf(HasSubstr("8 actions of 20 ms"), HasSubstr("last 160 ms"), HasSubstr("160.5 ms"),
                    HasSubstr("on_empty"), HasSubstr("action_period_ms 21"), HasSubstr("inference_period_ms 110")));
  settings.timing.on_empty = OnEmpty::kHold;
  EXPECT_EQ(ErrorOf(settings, 8), "");
}

TEST(SettingsTest, ScheduleS1NeedsOnEmptyAndS2HasNoSlack) {
  Settings settings = Fitting();
  settings.timing = {
      .control_period_ms = 20, .inference_period_ms = 400, .action_period_ms = 20, .expected_latency_ms = 100};
  EXPECT_THAT(ErrorOf(settings), HasSubstr("action_period_ms 50 would fit"));
  settings.timing.on_empty = OnEmpty::kHold;
  EXPECT_EQ(ErrorOf(settings), "");
  settings.timing = {.control_period_ms = 20,
                     .inference_period_ms = 200,
                     .action_period_ms = 20,
                     .expected_latency_ms = 0,
                     .fill_period_ms = 50,
                     .warmup_steps = 7};
  EXPECT_EQ(ErrorOf(settings), "");
  settings.timing.expected_latency_ms = 1;
  EXPECT_THAT(ErrorOf(settings), HasSubstr("on_empty"));
}

TEST(SettingsTest, APauseThatTheTimeoutWouldCutIsRefused) {
  Settings settings = Fitting();
  settings.timing.on_empty = OnEmpty::kHold;
  settings.timing.chunk_rule = ChunkRule::kFirstOnly;
  settings.timing.inference_period_ms = 270;  // 270 + 50 - 20 = 300
  EXPECT_EQ(ErrorOf(settings), "");
  settings.timing.inference_period_ms = 271;
  EXPECT_THAT(ErrorOf(settings), AllOf(HasSubstr("an action of 20 ms"), HasSubstr("command_timeout_ms 301 would fit")));
  settings.timing.chunk_rule = ChunkRule::kExhaust;
  EXPECT_EQ(ErrorOf(settings), "");
  settings.timing.expected_latency_ms = 301;
  EXPECT_THAT(ErrorOf(settings), HasSubstr("exhaust"));
}

TEST(SettingsTest, EveryNumberHasARange) {
  const auto with = [](auto change) {
    Settings settings = Fitting();
    change(settings);
    return ErrorOf(settings);
  };
  EXPECT_THAT(with([](Settings& s) { s.timing.control_period_ms = 0; }), HasSubstr("control_period_ms"));
  EXPECT_THAT(with([](Settings& s) { s.timing.control_period_ms = std::numeric_limits<double>::quiet_NaN(); }),
              HasSubstr("is nan"));
  EXPECT_THAT(with([](Settings& s) { s.timing.merge_new_weight = 1.1; }), HasSubstr("merge_new_weight is 1.1"));
  EXPECT_THAT(with([](Settings& s) { s.safety.command_timeout_ms = 19; }), HasSubstr("command_timeout_ms is 19"));
  EXPECT_THAT(with([](Settings& s) { s.safety.inference_timeout_ms = 49; }), HasSubstr("inference_timeout_ms is 49"));
  EXPECT_THAT(with([](Settings& s) { s.axes.clear(); }), HasSubstr("0 axes"));
  EXPECT_THAT(with([](Settings& s) { s.axes.push_back(s.axes[0]); }), HasSubstr("two axes drive 'linear.x'"));
  EXPECT_THAT(with([](Settings& s) { s.axes[0].scale = 0; }), HasSubstr("scale"));
  EXPECT_THAT(with([](Settings& s) { s.axes[0].min = 1; }), HasSubstr("min 1 is above max 0.6"));
  EXPECT_THAT(with([](Settings& s) { s.axes[0].min = 0.1; }), HasSubstr("must be able to be 0"));
  EXPECT_THAT(with([](Settings& s) { s.axes[0].max_rate = 0; }), HasSubstr("max_rate"));
  EXPECT_THAT(with([](Settings& s) { s.sensors.clear(); }), HasSubstr("0 cameras"));
  EXPECT_THAT(with([](Settings& s) { s.sensors.resize(kMaxSensors + 1); }), HasSubstr("17 cameras"));
}

TEST(SettingsTest, SurviveTheirJson) {
  Settings settings = Fitting();
  settings.timing.chunk_rule = ChunkRule::kMerge;
  settings.timing.on_empty = OnEmpty::kRamp;
  settings.safety.range_required = true;
  settings.sensors.push_back({.feature = "observation.state", .image = false, .refuse_blank = false});
  settings.axes.push_back({.from = "shoulder", .to = "joint_1", .kind = AxisKind::kPosition, .unit = "rad"});
  Json document = Json::object();
  WriteSettings(settings, document);
  Settings again;
  const JsonField file(document, "robot.json");
  ReadSettings(file, again);
  ASSERT_TRUE(file.status().ok()) << file.status().error().ToString();
  Json second = Json::object();
  WriteSettings(again, second);
  EXPECT_EQ(JsonString(second), JsonString(document));
  EXPECT_EQ(again.axes[1].kind, AxisKind::kPosition);
  EXPECT_EQ(again.axes[1].max_rate, std::numeric_limits<double>::infinity());
  EXPECT_EQ(again.on_empty(), OnEmpty::kRamp);
}

TEST(SettingsTest, WhatIsMisspeltIsNamed) {
  const auto error = [](std::string_view text) {
    const auto document = ParseJson(text, "robot.json");
    const JsonField file(*document, "robot.json");
    Settings settings;
    ReadSettings(file, settings);
    return file.status().ok() ? "" : file.status().error().ToString();
  };
  EXPECT_THAT(error(R"({"timing": {"control_perod_ms": 20}})"), HasSubstr("control_period_ms"));
  EXPECT_THAT(error(R"({"timing": {"chunk_rule": "newest"}})"), HasSubstr("replace_aligned"));
  EXPECT_THAT(error(R"({"safety": {"range_stop_m": "20cm"}})"), HasSubstr("safety.range_stop_m"));
  EXPECT_THAT(error(R"({"axes": [{"to": "linear.x", "kind": "force"}]})"), HasSubstr("axes[0].kind"));
  EXPECT_THAT(error(R"({"sensors": [{}]})"), HasSubstr("sensors[0].input"));
}

}  // namespace
}  // namespace vlaq::robot
