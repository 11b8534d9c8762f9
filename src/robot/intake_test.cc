#include "robot/intake.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace vlaq::robot {
namespace {

// A picture that differs from those of other `shade`s, and is not of one color.
Tensor Picture(uint8_t shade, int64_t height = 4) {
  Tensor picture = Tensor::Make(DType::kU8, {height, 4, 3});
  for (size_t i = 0; i < picture.bytes().size(); ++i)
    picture.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(shade + 9 * i);
  return picture;
}

Settings Cameras(size_t count) {
  Settings settings;
  for (size_t i = 0; i < count; ++i) settings.sensors.push_back({.feature = "camera" + std::to_string(i)});
  return settings;
}

TEST(IntakeTest, AnObservationNeedsEverySensorAndIsTheNewestOfEach) {
  Intake intake(Cameras(2));
  intake.Take(0, Picture(1), 10, 100);
  EXPECT_FALSE(intake.Newest());
  intake.Take(1, Picture(2), 11, 110);
  intake.Take(0, Picture(3), 20, 200);
  const auto newest = intake.Newest();
  ASSERT_TRUE(newest);
  EXPECT_TRUE(std::ranges::equal(newest->values.at("camera0").bytes(), Picture(3).bytes()));
  EXPECT_EQ(newest->oldest, 110);
  EXPECT_EQ(newest->newest, 200);
  EXPECT_EQ(newest->numbers, (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(newest->stamps, (std::vector<int64_t>{20, 11}));
  EXPECT_EQ(intake.TakeFacts().usable_at[0], 200);
}

// What is wrong with a second frame, and whether it was used all the same.
std::pair<ReasonSet, bool> Second(const Tensor& frame, int64_t stamp, SensorSettings sensor = {}) {
  Settings settings;
  settings.sensors = {sensor};
  Intake intake(settings);
  intake.Take(0, Picture(1), 10 * kSecond, 100);
  intake.TakeFacts();
  intake.Take(0, frame, stamp, 200);
  const WorldFacts facts = intake.TakeFacts();
  return {facts.noted, facts.usable_at[0] == 200};
}

TEST(IntakeTest, WhatIsNoNewPictureIsNotUsed) {
  using Wrong = std::pair<ReasonSet, bool>;
  const int64_t later = 10 * kSecond + 1;
  EXPECT_EQ(Second(Picture(2), later), Wrong({}, true));
  EXPECT_EQ(Second(Picture(1), later), Wrong(Reason::kFrozen, false));
  EXPECT_EQ(Second(Picture(2), later - 1), Wrong(Reason::kOutOfOrder, false));
  EXPECT_EQ(Second(Picture(2), 9 * kSecond), Wrong(Reason::kOutOfOrder, false));
  EXPECT_EQ(Second(Picture(2), 9 * kSecond - 1), Wrong(Reason::kClockStep, false));
  EXPECT_EQ(Second(Picture(2, 5), later), Wrong(Reason::kWrongSize, false));
  Tensor dark = Tensor::Make(DType::kU8, {4, 4, 3});
  dark.mutable_data<uint8_t>()[7] = 3;
  EXPECT_EQ(Second(dark, later), Wrong(Reason::kBlank, false));
  dark.mutable_data<uint8_t>()[7] = 4;
  EXPECT_EQ(Second(dark, later), Wrong({}, true));
}

TEST(IntakeTest, EachCheckCanBeSwitchedOff) {
  const int64_t later = 10 * kSecond + 1;
  EXPECT_TRUE(Second(Picture(1), later, {.refuse_frozen = false}).second);
  EXPECT_TRUE(Second(Picture(2, 5), later, {.refuse_resized = false}).second);
  EXPECT_TRUE(Second(Tensor::Make(DType::kU8, {4, 4, 3}), later, {.refuse_blank = false}).second);
}

TEST(IntakeTest, AClockThatWasSetCostsOneFrame) {
  Intake intake(Cameras(1));
  intake.Take(0, Picture(1), 100 * kSecond, 0);
  intake.Take(0, Picture(2), 5 * kSecond, 1);
  EXPECT_EQ(intake.TakeFacts().noted, Reason::kClockStep);
  intake.Take(0, Picture(3), 5 * kSecond + 1, 2);
  const WorldFacts facts = intake.TakeFacts();
  EXPECT_TRUE(facts.noted.empty());
  EXPECT_EQ(facts.usable_at[0], 2);
}

TEST(IntakeTest, NumbersMustBeFinite) {
  Settings settings;
  settings.sensors = {{.feature = "observation.state", .image = false}};
  Intake intake(settings);
  const std::array<float, 2> good{1, 2}, bad{1, std::numeric_limits<float>::quiet_NaN()};
  intake.Take(0, Tensor::From<float>({2}, good), 1, 1);
  intake.Take(0, Tensor::From<float>({2}, good), 2, 2);  // numbers may stay the same
  EXPECT_TRUE(intake.TakeFacts().noted.empty());
  intake.Take(0, Tensor::From<float>({2}, bad), 3, 3);
  const WorldFacts facts = intake.TakeFacts();
  EXPECT_EQ(facts.noted, Reason::kNotFinite);
  EXPECT_EQ(facts.usable_at[0], 2);
}

TEST(IntakeTest, AReadingThatIsNearIsNotHiddenByTheNext) {
  Settings settings = Cameras(1);
  settings.safety.range_stop_m = 0.2;
  Intake intake(settings);
  for (const double meters : {1.0, 0.2, 1.0}) intake.TakeRange(meters, 7);
  const WorldFacts facts = intake.TakeFacts();
  EXPECT_EQ(facts.range_m, 1);
  EXPECT_EQ(facts.noted, Reason::kRangeStop);
  intake.TakeRange(0.21, 8);
  EXPECT_EQ(intake.TakeFacts().noted, ReasonSet());
}

TEST(IntakeTest, OrdersAndNotesAreToldOnce) {
  Intake intake(Cameras(1));
  intake.TakeOrder(Event::kArm);
  intake.TakeOrder(Event::kStop);
  intake.TakeRange(0.5, 7);
  intake.TakePosition(3, 1.5);
  intake.TakePosition(2, std::numeric_limits<double>::quiet_NaN());
  const WorldFacts facts = intake.TakeFacts();
  EXPECT_TRUE(facts.orders.Has(Event::kArm) && facts.orders.Has(Event::kStop));
  EXPECT_EQ(facts.range_m, 0.5);
  EXPECT_EQ(facts.range_at, 7);
  EXPECT_EQ(facts.measured[3], 1.5);
  EXPECT_EQ(facts.measured_axes, 8U);
  EXPECT_TRUE(intake.TakeFacts().orders.empty());
}

}  // namespace
}  // namespace vlaq::robot
