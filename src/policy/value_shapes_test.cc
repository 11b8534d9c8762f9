#include "policy/value_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::Pointee;

Step RunOf(const std::string& graph) {
  Step step;
  step.kind = StepKind::kRun;
  step.graph = graph;
  return step;
}

Step Window(const std::string& value, int64_t length, const std::string& as) {
  Step step;
  step.kind = StepKind::kWindow;
  step.value = value;
  step.length = length;
  step.as = as;
  return step;
}

// A camera of which either the pictures or what "see" makes of them are kept; "table" has no batch axis.
Policy Windowed() {
  Policy policy;
  Input camera;
  camera.name = "camera";
  camera.type = InputType::kImage;
  camera.shape = {3, 8, 8};
  Input table;
  table.name = "table";
  table.shape = {5};
  table.batched = false;
  Input task;
  task.name = "task";
  task.type = InputType::kText;
  task.makes = {"ids"};
  policy.inputs = {camera, table, task};
  policy.graphs["see"] = {"see.onnx", {{"x", "camera"}, {"ids", "task.ids"}}, {{"y", "seen"}}};
  policy.graphs["act"] = {"act.onnx", {{"x", "kept"}, {"t", "table"}}, {{"y", "action"}}};
  policy.graphs["all"] = {"all.onnx", {{"x", "pictures"}}, {{"y", "action"}}};
  policy.schedules["kept"] = {RunOf("see"), Window("seen", 4, "kept"), RunOf("act")};
  policy.schedules["anew"] = {Window("camera", 4, "pictures"), RunOf("all")};
  policy.default_schedule = "kept";
  return policy;
}

TEST(ValueShapes, FollowInputsThroughSchedules) {
  ValueShapes shapes(Windowed());
  EXPECT_THAT(shapes.Find("camera"), Pointee(ElementsAre(1, 3, 8, 8)));
  EXPECT_THAT(shapes.Find("pictures"), Pointee(ElementsAre(1, 4, 3, 8, 8)));
  EXPECT_THAT(shapes.Find("table"), Pointee(ElementsAre(5)));
  EXPECT_EQ(shapes.Find("task.ids"), nullptr);
  EXPECT_EQ(shapes.Find("kept"), nullptr);
  shapes.Tell("task.ids", {1, 7});
  EXPECT_THAT(shapes.Find("task.ids"), Pointee(ElementsAre(1, 7)));
  const Shape seen{1, 16};
  shapes.Learn("see", [&seen](const std::string& output) { return output == "y" ? &seen : nullptr; });
  EXPECT_THAT(shapes.Find("kept"), Pointee(ElementsAre(1, 4, 16)));
}

TEST(ValueShapes, KnowWhichExtentsAreNotFixed) {
  const ValueShapes shapes(Windowed());
  EXPECT_TRUE(shapes.Grows("pictures", 1));
  EXPECT_TRUE(shapes.Grows("kept", 1));
  EXPECT_FALSE(shapes.Grows("pictures", 0));
  EXPECT_FALSE(shapes.Grows("camera", 1));
  EXPECT_TRUE(shapes.IsBatch("camera", 0));
  EXPECT_FALSE(shapes.IsBatch("camera", 1));
  EXPECT_FALSE(shapes.IsBatch("table", 0));
}

TEST(ValueShapes, WindowsHaveALength) {
  Policy policy = Windowed();
  EXPECT_EQ(LongestWindow(policy), 4);
  SetWindows(2, policy);
  EXPECT_EQ(LongestWindow(policy), 2);
  EXPECT_THAT(ValueShapes(policy).Find("pictures"), Pointee(ElementsAre(1, 2, 3, 8, 8)));
  policy.schedules.clear();
  policy.schedules["once"] = {RunOf("see")};
  EXPECT_EQ(LongestWindow(policy), std::nullopt);
}

TEST(ValueShapes, AGraphMayBeAllThatAScheduleRuns) {
  Policy policy = Windowed();
  EXPECT_EQ(ScheduleOfGraphAlone(policy, "all"), "anew");
  EXPECT_EQ(ScheduleOfGraphAlone(policy, "see"), "");
  EXPECT_EQ(ScheduleOfGraphAlone(policy, "act"), "");
  EXPECT_EQ(GraphAlone(policy), "all");
  Step rounds;
  rounds.kind = StepKind::kRepeat;
  rounds.times = 3;
  rounds.steps = {RunOf("all")};
  policy.schedules["anew"] = {rounds};
  EXPECT_EQ(ScheduleOfGraphAlone(policy, "all"), "");
  EXPECT_EQ(GraphAlone(policy), "");
}

}  // namespace
}  // namespace vlaq::policy
