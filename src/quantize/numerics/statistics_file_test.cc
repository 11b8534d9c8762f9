#include "quantize/numerics/statistics_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "base/random.h"

namespace vlaq::numerics {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

ActivationStatistics SampleStatistics() {
  ActivationStatistics statistics;
  statistics.source = {"w", {{"encoder", "e"}, {"head", "h"}}};
  statistics.samples = 7;
  statistics.windows = 3;
  statistics.seed = 18446744073709551615ULL;
  statistics.batch = 2;
  statistics.runs_on = "onnxruntime, cpu";
  statistics.episodes = {{"a.h5", "aa"}, {"b.h5", "bb"}};
  Random random(1);
  std::vector<float> values(5000);
  for (float& x : values) x = static_cast<float>(random.Normal());
  ValueStatistics full;
  full.count = 5000;
  full.minimum = static_cast<double>(*std::min_element(values.begin(), values.end()));
  full.maximum = static_cast<double>(*std::max_element(values.begin(), values.end()));
  full.sum = 1.0 / 3;
  full.sum_of_squares = 5001.25;
  full.histogram.Add(values);
  full.channel_absmax = {1.5F, 0.1F, 1e-45F};
  full.channel_mean = {-0.3F, 3e38F, 0};
  full.halves = {ClipRange{full.minimum, 2}, ClipRange{-2, full.maximum}};
  full.drift = 0.125;
  statistics.values["vision/x"] = full;
  ValueStatistics light;
  light.count = 2;
  light.minimum = -3.4028234663852886e38;
  light.maximum = 1;
  light.drift = 0.75;
  statistics.values["vision/softmax \"0\""] = light;
  return statistics;
}

void ExpectEqual(const ValueStatistics& a, const ValueStatistics& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.minimum, b.minimum);
  EXPECT_EQ(a.maximum, b.maximum);
  EXPECT_EQ(a.sum, b.sum);
  EXPECT_EQ(a.sum_of_squares, b.sum_of_squares);
  EXPECT_EQ(a.histogram, b.histogram);
  EXPECT_EQ(a.channel_absmax, b.channel_absmax);
  EXPECT_EQ(a.channel_mean, b.channel_mean);
  EXPECT_EQ(a.drift, b.drift);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(a.halves[i].low, b.halves[i].low);
    EXPECT_EQ(a.halves[i].high, b.halves[i].high);
  }
}

TEST(StatisticsFile, GoesThereAndBack) {
  const ActivationStatistics statistics = SampleStatistics();
  const std::string text = StatisticsText(statistics);
  const auto read = ParseStatistics(text, "stats.json");
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->source.weights_sha256, "w");
  EXPECT_EQ(read->source.graphs, statistics.source.graphs);
  EXPECT_EQ(read->samples, 7);
  EXPECT_EQ(read->windows, 3);
  EXPECT_EQ(read->seed, statistics.seed);
  EXPECT_EQ(read->batch, 2);
  EXPECT_EQ(read->runs_on, statistics.runs_on);
  ASSERT_EQ(read->episodes.size(), 2U);
  EXPECT_EQ(read->episodes[1].name, "b.h5");
  EXPECT_EQ(read->episodes[1].hash, "bb");
  ASSERT_EQ(read->values.size(), 2U);
  for (const auto& [name, value] : statistics.values) {
    ASSERT_NE(read->Find(name), nullptr) << name;
    ExpectEqual(*read->Find(name), value);
  }
  EXPECT_EQ(read->Find("vision/y"), nullptr);
  EXPECT_EQ(StatisticsText(*read), text);
}

TEST(StatisticsFile, IsOneLineAValueAndNotLong) {
  const std::string text = StatisticsText(SampleStatistics());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 15);
  EXPECT_LT(text.size(), 20'000U);
  EXPECT_THAT(text, HasSubstr("0.1,1e-45]")) << "floats as floats";
}

TEST(StatisticsFile, HistogramsLeaveOutEmptyBins) {
  Histogram histogram;
  histogram.Add(std::vector<float>{4000, -4, 4000, 10});  // bins of width 1
  EXPECT_EQ(ToJson(histogram).dump(), R"({"exponent":0,"first":-5,"counts":[1,-14,1,-3989,2]})");
  const Json json = ToJson(histogram);
  const JsonField field(json, "x");
  EXPECT_EQ(ReadHistogram(field), histogram);
  EXPECT_TRUE(field.status().ok());
}

TEST(StatisticsFile, WhatIsWrongIsNamed) {
  const std::string good = StatisticsText(SampleStatistics());
  const auto expect = [&](const std::function<void(Json&)>& spoil, const std::string& message) {
    Json json = Json::parse(good);
    spoil(json);
    const auto read = ParseStatistics(json.dump(), "stats.json");
    ASSERT_FALSE(read.ok()) << message;
    EXPECT_EQ(read.error().code, ErrorCode::kInput);
    EXPECT_THAT(read.error().ToString(), AllOf(HasSubstr("stats.json"), HasSubstr(message)));
  };
  const auto value = [](Json& json) -> Json& { return json["values"]["vision/x"]; };
  expect([](Json& json) { json["schema"] = "vlaq.plan/1"; },
         R"(schema is "vlaq.plan/1", not "vlaq.statistics/1"; this is not what `vlaq calibrate`)");
  expect([](Json& json) { json = Json::array(); }, "is not a JSON object");
  expect([](Json& json) { json.erase("samples"); }, "samples is missing");
  expect([](Json& json) { json["samples"] = -1; }, "samples must be an integer from 0");
  expect([](Json& json) { json["seed"] = 1.5; }, "seed must be an integer");
  expect([](Json& json) { json["source"].erase("graphs"); }, "source.graphs is missing");
  expect([](Json& json) { json["source"]["graphs"]["head"] = 1; }, "source.graphs.head must be a string");
  expect([](Json& json) { json["episodes"][1].erase("sha256"); }, "episodes[1].sha256 is missing");
  expect([](Json& json) { json["values"] = 1; }, "values must be an object");
  expect([&](Json& json) { value(json) = 1; }, R"(values["vision/x"] must be an object)");
  expect([&](Json& json) { value(json).erase("maximum"); }, R"(values["vision/x"].maximum is missing)");
  expect([&](Json& json) { value(json)["maximum"] = "2"; }, R"(values["vision/x"].maximum must be a number)");
  expect([&](Json& json) { value(json)["maximum"] = -100; }, "minimum is above maximum");
  expect([&](Json& json) { value(json)["first_half"] = {2, 1}; }, "first_half must be a least and a greatest number");
  expect([&](Json& json) { value(json)["channel_mean"].push_back(1); }, "differ in length");
  expect([&](Json& json) { value(json)["channel_mean"][0] = 1e39; }, "no float32");
  expect([&](Json& json) { value(json)["count"] = 4; }, "histogram holds 5000 values, count is 4");
  expect([&](Json& json) { value(json)["histogram"]["exponent"] = 500; },
         R"(values["vision/x"].histogram.exponent 500)");
  expect([&](Json& json) { value(json)["histogram"]["first"] = -5000; }, "histogram.counts reach beyond");
  expect([&](Json& json) { value(json)["histogram"]["first"] = 4000; }, "histogram.counts reach beyond");
  expect([&](Json& json) { value(json)["histogram"]["counts"].push_back(INT64_MIN); }, "reach beyond");
  expect([&](Json& json) { value(json)["histogram"]["counts"] = {INT64_MAX, INT64_MAX, INT64_MAX}; }, "too large");
  expect([&](Json& json) { value(json)["histogram"].erase("first"); }, "histogram.first is missing");
  EXPECT_FALSE(ParseStatistics("{", "stats.json").ok());
  EXPECT_FALSE(ReadStatistics("/nowhere/stats.json").ok());
}

TEST(Statistics, KnowTheirBundle) {
  const ActivationStatistics statistics = SampleStatistics();
  EXPECT_TRUE(CheckBelongsTo(statistics, {"w", {{"encoder", "e"}, {"head", "h"}}}).ok());
  const auto refused = [&](const PlanSource& source) {
    const Status status = CheckBelongsTo(statistics, source);
    return status.ok() ? "" : status.error().ToString();
  };
  EXPECT_THAT(refused({"v", {{"encoder", "e"}}}), AllOf(HasSubstr("another bundle"), HasSubstr("weights")));
  EXPECT_THAT(refused({"w", {{"encoder", "x"}}}), HasSubstr("'encoder'"));
  EXPECT_THAT(refused({"w", {{"decoder", "x"}}}), HasSubstr("no graph 'decoder'"));
}

TEST(Statistics, DriftIsThatOfWhatGetsRanges) {
  ActivationStatistics statistics = SampleStatistics();
  Drift drift = DriftOf(statistics);
  EXPECT_EQ(drift.value, "vision/x") << "the other has no histogram";
  EXPECT_EQ(drift.worst, 0.125);
  EXPECT_EQ(drift.values, 1);
  EXPECT_EQ(drift.beyond, 1);
  EXPECT_FALSE(drift.enough());
  statistics.values["a"] = statistics.values["vision/x"];
  statistics.values["a"].drift = 0.05;
  statistics.values["b"] = statistics.values["a"];
  drift = DriftOf(statistics);
  EXPECT_EQ(drift.value, "vision/x");
  EXPECT_EQ(drift.median, 0.05);
  EXPECT_EQ(drift.beyond, 1);
  for (int i = 0; i < 7; ++i) statistics.values["c" + std::to_string(i)] = statistics.values["a"];
  EXPECT_TRUE(DriftOf(statistics).enough()) << "1 of 10";
  EXPECT_EQ(DriftOf({}).values, 0);
}

}  // namespace
}  // namespace vlaq::numerics
