// Repeats with carried values and tables, and choosing and joining along an axis.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "runtime/executor.h"
#include "runtime/executor_fixture_testing.h"

namespace vlaq::runtime::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using RepeatTest = ExecutorTest;

TEST_F(RepeatTest, RepeatsWithCarriedValuesAndATable) {
  Use({2}, {Repeat(3, {{"state", "x", "moved"}}, {{"t", DType::kF32, {1, 2}, {1, 2, 3}}}, {RunOf("g")}),
            Concat({"state"}, 1, "y")});
  Add("g", Sum({-1, 2}), {{"a", "state"}, {"b", "t"}}, {{"y", "moved"}});
  Executor executor = Open();
  Recorder probe;
  executor.SetProbe(&probe);
  EXPECT_THAT(Step(executor, {0, 5}), ElementsAre(60, 65));
  EXPECT_THAT(Step(executor, {1, 1}), ElementsAre(61, 61)) << "nothing is left of the step before";
  EXPECT_THAT(std::vector(probe.seen.begin() + 2, probe.seen.begin() + 5),
              ElementsAre(::testing::FieldsAre("t", ::testing::_), ::testing::FieldsAre("moved", ::testing::_),
                          ::testing::FieldsAre("state", ::testing::_)));
}

TEST_F(RepeatTest, TablesAreOfTheTypeThatTheyName) {
  Use({1}, {Repeat(2, {}, {{"i", DType::kI64, {1}, {-3, 7}}, {"h", DType::kF16, {}, {1, 0.5}}}, {RunOf("g")})});
  FakeGraph graph;
  graph.inputs = {{"i", DType::kI64, {1}, {""}}, {"h", DType::kF16, {}, {}}, F32("x", {1, 1})};
  graph.outputs = {F32("y", {1, 1})};
  graph.run = [](const NamedTensors& in) -> Result<NamedTensors> { return NamedTensors{{"y", in.at("x")}}; };
  Add("g", std::move(graph), {{"i", "i"}, {"h", "h"}, {"x", "x"}}, {{"y", "y"}});
  Executor executor = Open();
  Step(executor, {4});
  EXPECT_EQ(graphs_["g"].given[0].at("i").data<int64_t>()[0], -3);
  EXPECT_EQ(graphs_["g"].given[1].at("i").data<int64_t>()[0], 7);
  EXPECT_EQ(LoadLittle<uint16_t>(graphs_["g"].given[1].at("h").bytes(), 0), 0x3800) << "0.5";
}

TEST_F(RepeatTest, CarriedValuesOfARepeatMoveAllAtOnce) {
  policy_.inputs = {StateInput("x", {1}), StateInput("z", {1})};
  policy_.outputs = {ActionOutput("y", {1}), ActionOutput("w", {1})};
  // Two values that change places in every round.
  policy_.schedules["only"] = {Repeat(3, {{"a", "x", "b"}, {"b", "z", "a"}}, {}, {RunOf("g")}), Concat({"a"}, 1, "y"),
                               Concat({"b"}, 1, "w")};
  Add("g", Identity({-1, 1}), {{"x", "a"}}, {{"y", "unread"}});
  Executor executor = Open();
  const auto outputs = executor.Step({{"x", Floats({1})}, {"z", Floats({2})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
  EXPECT_THAT(ValuesOf(outputs->at("y")), ElementsAre(2));
  EXPECT_THAT(ValuesOf(outputs->at("w")), ElementsAre(1));
}

TEST_F(RepeatTest, RepeatsNestAndHoldWithinRepeatsAndTheOtherWayRound) {
  // Outer: twice; inner: three times + 1, beginning with the outer's value; the hold within runs for another outer
  // value only.
  Use({1}, {Hold({"x"}, {Repeat(2, {{"outer", "x", "inner"}}, {},
                                {Hold({"outer"}, {RunOf("slow")}),
                                 Repeat(3, {{"inner", "outer", "more"}}, {}, {RunOf("one")}), RunOf("with")})}),
            Concat({"result"}, 1, "y")});
  Add("slow", Elementwise({-1, 1}, [](float x) { return 100 * x; }), {{"x", "outer"}}, {{"y", "slowly"}});
  Add("one", Elementwise({-1, 1}, [](float x) { return x + 1; }), {{"x", "inner"}}, {{"y", "more"}});
  Add("with", Sum({-1, 1}), {{"a", "inner"}, {"b", "slowly"}}, {{"y", "result"}});
  Executor executor = Open();
  EXPECT_THAT(Step(executor, {1}), ElementsAre(7 + 10 * 400));  // outer 1, then 4
  EXPECT_EQ(graphs_["one"].runs, 6);
  EXPECT_EQ(graphs_["slow"].runs, 2);
  EXPECT_THAT(Step(executor, {1}), ElementsAre(4007));
  EXPECT_EQ(graphs_["one"].runs, 6) << "held";
  graphs_["one"].fail_after = 4;  // in the second round
  EXPECT_THAT(StepError(executor, {{"x", Floats({2})}}, ErrorCode::kBackend), HasSubstr("no luck"));
  const int runs = graphs_["one"].runs;
  EXPECT_THAT(Step(executor, {1}), ElementsAre(4007));
  EXPECT_EQ(graphs_["one"].runs, runs) << "put back through both holds";
  EXPECT_THAT(Step(executor, {2}), ElementsAre(8 + 10 * 500));
}

// Element by element.
std::vector<float> SlowSelect(const Tensor& value, size_t axis, int64_t index) {
  const Shape& shape = value.shape();
  const Shape strides = RowMajorStrides(shape);
  std::vector<float> selected;
  for (int64_t i = 0; i < value.size(); ++i) {
    if (i / strides[axis] % shape[axis] == index) selected.push_back(value.data<float>()[static_cast<size_t>(i)]);
  }
  return selected;
}

class AxisTest : public ExecutorTest {
 protected:
  // What `steps` make of x, whatever the shape of it is.
  std::vector<float> OutputOf(const std::vector<policy::Step>& steps, const Tensor& x) {
    Use(x.shape(), steps);
    policy_.outputs[0].batched = false;
    policy_.outputs[0].shape = {-1, -1, -1};
    Executor executor = Open();
    const auto outputs = executor.Step({{"x", x}});
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return outputs.ok() ? ValuesOf(outputs->at("y")) : std::vector<float>();
  }
};

TEST_F(AxisTest, SelectsAndConcatenatesAlongAnyAxis) {
  const Shape shape{2, 3, 4};
  Tensor x = Tensor::Make(DType::kF32, shape);
  std::iota(x.mutable_data<float>().begin(), x.mutable_data<float>().end(), 0.0F);
  for (int64_t axis = 0; axis < 4; ++axis) {
    const int64_t extent = axis == 0 ? 1 : shape[static_cast<size_t>(axis) - 1];
    for (int64_t index = -extent; index < extent; ++index) {
      std::vector<float> once =
          SlowSelect(x.Reshaped({1, 2, 3, 4}), static_cast<size_t>(axis), index < 0 ? index + extent : index);
      std::vector<float> twice = once;
      twice.insert(twice.end(), once.begin(), once.end());
      EXPECT_EQ(OutputOf({Select("x", axis, index, "picked"), Concat({"picked", "picked"}, 0, "y")}, x), twice)
          << axis << " " << index;
    }
    // All slices one after the other are the whole again.
    std::vector<std::string> names;
    std::vector<policy::Step> steps{Concat({"x", "x"}, axis, "double")};
    for (int64_t index = 0; index < 2 * extent; ++index) {
      names.push_back("slice" + std::to_string(index));
      steps.push_back(Select("double", axis, index, names.back()));
    }
    steps.push_back(Concat(names, 0, "y"));
    std::vector<float> slices;
    for (int64_t index = 0; index < 2 * extent; ++index) {
      const std::vector<float> slice = SlowSelect(x.Reshaped({1, 2, 3, 4}), static_cast<size_t>(axis), index % extent);
      slices.insert(slices.end(), slice.begin(), slice.end());
    }
    EXPECT_EQ(OutputOf(steps, x), slices) << axis;
  }
}

}  // namespace
}  // namespace vlaq::runtime::testing
