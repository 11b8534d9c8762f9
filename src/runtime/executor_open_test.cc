// Policies and graphs that do not go together are refused before a step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/executor.h"
#include "runtime/executor_fixture_testing.h"

namespace vlaq::runtime::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using OpenTest = ExecutorTest;

TEST_F(OpenTest, EveryInputOfAGraphIsBound) {
  UseStreaming(3);
  policy_.graphs["head"].inputs.clear();
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[2]"), HasSubstr("graph 'head'"), HasSubstr("'features'")));
  policy_.graphs["head"].inputs = {{"features", "features"}, {"feature", "features"}};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("no input 'feature'"), HasSubstr("did you mean 'features'")));
}

TEST_F(OpenTest, OutputsOfBindingsExist) {
  UseStreaming(3);
  policy_.graphs["head"].outputs = {{"action", "y"}};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'head'"), HasSubstr("no output 'action'"), HasSubstr("'actions'")));
}

TEST_F(OpenTest, TypesOfValuesAndPortsAgree) {
  UseStreaming(3);
  policy_.inputs[0].shape = {3};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'encoder'"), HasSubstr("its input 'x' is float32 [-1, 2]"),
                                 HasSubstr("'x' is float32 [1, 3]")));
  policy_.inputs[0] = StateInput("x", {2}, DType::kF16);
  EXPECT_THAT(OpenError(), HasSubstr("float16"));
  policy_.inputs[0] = StateInput("x", {2, 2});
  EXPECT_THAT(OpenError(), HasSubstr("[1, 2, 2]"));
  policy_.inputs[0] = StateInput("x", {-1});
  EXPECT_TRUE(Executor::Open(policy_, "", OpenerOf(graphs_)).ok()) << "any extent may be the right one";
  policy_.inputs[0] = StateInput("x", {2});
  graphs_["head"].inputs[0].dims = {-1, -1, 4};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'head'"), HasSubstr("[1, -1, 2]"), HasSubstr("[-1, -1, 4]")));
  graphs_["head"].inputs[0].dims = {-1, 2};
  EXPECT_THAT(OpenError(), HasSubstr("[1, -1, 2]"));
  UseStreaming(3);
  policy_.outputs[0].shape = {5};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("output 'y'"), HasSubstr("[-1, 2]"), HasSubstr("[1, 5]")));
  policy_.outputs[0] = ActionOutput("y", {2});
  policy_.outputs[0].dtype = DType::kF64;
  EXPECT_THAT(OpenError(), HasSubstr("float64"));
}

TEST_F(OpenTest, ValuesAreMadeOnceAndBeforeTheyAreRead) {
  UseStreaming(3);
  policy_.schedules["only"] = {RunOf("head"), RunOf("encoder")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[0]"), HasSubstr("reads 'features'")));
  policy_.schedules["only"] = {RunOf("encoder"), Window("features", 3, "features")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("reads 'features'"), HasSubstr("did you mean 'feature'")));
  policy_.schedules["only"] = {RunOf("encoder"), Window("feature", 3, "x")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[1]"), HasSubstr("makes 'x', which there is already")));
  policy_.schedules["only"] = {RunOf("encoder"), Window("feature", 3, "feature")};
  EXPECT_THAT(OpenError(), HasSubstr("makes 'feature'"));
  policy_.schedules["only"] = {RunOf("encoder"), Window("feature", 3, "")};
  EXPECT_THAT(OpenError(), HasSubstr("without a name"));
  policy_.schedules["only"] = {RunOf("encoder"), RunOf("encoder")};
  EXPECT_THAT(OpenError(), HasSubstr("second time"));
  policy_.schedules["only"] = {RunOf("encoder")};
  EXPECT_THAT(OpenError(), HasSubstr("no step makes the output 'y'"));
  policy_.schedules["only"] = {RunOf("encode")};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("no graph 'encode'"), HasSubstr("'encoder'")));
  policy_.schedules["only"] = {Hold({"features"}, {RunOf("encoder")})};
  EXPECT_THAT(OpenError(), HasSubstr("reads 'features'"));
  policy_.schedules["only"] = {Carry("nothing", "c", {1, 1})};
  EXPECT_THAT(OpenError(), HasSubstr("reads 'nothing'"));
  policy_.schedules["only"] = {Hold({"x"}, {RunOf("encoder"), Select("gone", 0, 0, "s")})};
  EXPECT_THAT(OpenError(), HasSubstr("schedules.only[0].steps[1]"));
}

TEST_F(OpenTest, ErrorsOfOpeningNameTheGraph) {
  UseStreaming(3);
  graphs_.erase("head");
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("graph 'head'"), HasSubstr("a file"), HasSubstr("is not there")));
}

TEST_F(OpenTest, StepsThatCannotBeAreRefused) {
  struct Case {
    policy::Step step;
    std::string what;
  };
  const std::vector<policy::Step> nothing;
  const std::vector<Case> cases{
      {Window("x", 0, "y"), "length is 0"},
      {Repeat(0, {}, {}, nothing), "repeated 0 times"},
      {Repeat(2, {}, {{"t", DType::kF32, {}, {1}}}, nothing), "'t' has 1 numbers for 2 rounds"},
      {Repeat(1, {}, {{"t", DType::kI64, {}, {0.5}}}, nothing), "cannot be 0.5"},
      {Repeat(1, {}, {{"t", DType::kU8, {}, {256}}}, nothing), "cannot be 256"},
      {Repeat(1, {}, {{"t", DType::kI64, {}, {1e300}}}, nothing), "cannot be 1e+300"},
      {Repeat(1, {}, {{"t", DType::kF16, {}, {1e6}}}, nothing), "cannot be 1000000"},
      {Repeat(1, {}, {{"t", DType::kF32, {}, {std::nan("")}}}, nothing), "cannot be nan"},
      {Repeat(1, {}, {{"t", DType::kC64, {}, {1}}}, nothing), "'t' is complex64"},
      {Repeat(1, {}, {{"t", DType::kF32, {-1}, {1}}}, nothing), "float32 [-1] cannot be made"},
      {Repeat(1, {}, {{"t", DType::kF32, {1 << 30, 4}, {1}}}, nothing), "cannot be made"},
      {Repeat(1, {{"c", "x", "z"}}, {}, nothing), "'z', is float32 [1, 3, 2]"},
      {Repeat(1, {{"c", "gone", "x"}}, {}, nothing), "reads 'gone'"},
      {Repeat(1, {{"c", "x", "gone"}}, {}, nothing), "reads 'gone'"},
      {Repeat(1, {}, {}, {Window("x", 2, "w")}), "a window cannot stand within a repeat"},
      {Repeat(1, {}, {}, {Carry("x", "w", {1, 2})}), "a carry cannot stand within a repeat"},
      {Carry("x", "c", {1, -1}), "cannot be made"},
      {Carry("z", "c", {1, 2}), ""},  // other extents than the zeros' may come
      {Select("x", 2, 0, "s"), "no index 0 along axis 2"},
      {Select("x", -1, 0, "s"), "axis is -1"},
      {Select("x", 1, 2, "s"), "no index 2 along axis 1 of 'x'"},
      {Select("x", 1, -3, "s"), "no index -3"},
      {Concat({}, 0, "s"), "no values"},
      {Concat({"x"}, 2, "s"), "axis 2"},
      {Concat({"x"}, -1, "s"), "axis is -1"},
      {Concat({"x", "z"}, 1, "s"), "'z', which is float32 [1, 3, 2]"},
      {Concat({"x", "i"}, 1, "s"), "'i', which is int64"},
  };
  for (const Case& test : cases) {
    policy_.inputs = {StateInput("x", {2}), StateInput("z", {3, 2}), StateInput("i", {2}, DType::kI64)};
    policy_.outputs = {ActionOutput("out", {2})};
    policy_.schedules["only"] = {test.step, Concat({"x"}, 1, "out")};
    if (test.what.empty()) {
      EXPECT_TRUE(Executor::Open(policy_, "", OpenerOf(graphs_)).ok());
    } else {
      EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[0]"), HasSubstr(test.what)));
    }
  }
}

TEST_F(OpenTest, CarriesAreOfTheTypeThatTheirZerosAre) {
  Use({2}, {Carry("y", "before", {1, 2}), RunOf("g")});
  Add("g", Sum({-1, 2}), {{"a", "x"}, {"b", "before"}}, {{"y", "y"}});
  policy_.schedules["only"][0].shape = {1, 3};
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("schedules.only[0]"), HasSubstr("[1, 3]"), HasSubstr("[-1, 2]")));
  policy_.schedules["only"][0].shape = {1, 2};
  policy_.schedules["only"][0].dtype = DType::kF64;
  EXPECT_THAT(OpenError(), HasSubstr("float64"));
}

TEST_F(OpenTest, AWindowNeedsABatchOfOne) {
  Use({2}, {Window("x", 3, "y")});
  policy_.inputs[0].batched = false;
  EXPECT_THAT(OpenError(), AllOf(HasSubstr("'x' is float32 [2]"), HasSubstr("batch axis of 1")));
}

}  // namespace
}  // namespace vlaq::runtime::testing
