#include "engine/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace vlaq::engine {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

TEST(Version, IsRead) {
  EXPECT_EQ(*ParseVersion("8.6"), (Version{8, 6, 0}));
  EXPECT_EQ(*ParseVersion("10.3.0"), (Version{10, 3, 0}));
  for (const char* bad : {"", "8", "8.", "a.b", "8.6.2.1", "8.-6"}) EXPECT_FALSE(ParseVersion(bad).ok()) << bad;
  EXPECT_EQ(VersionOfTarget("tensorrt-8.6"), (Version{8, 6, 2}));
  EXPECT_EQ(VersionOfTarget("cpu"), std::nullopt);
  EXPECT_EQ(VersionFromBanner("8602"), (Version{8, 6, 2}));
  EXPECT_EQ(VersionFromBanner("100300"), (Version{10, 3, 0}));
  EXPECT_EQ(VersionFromBanner("101300"), (Version{10, 13, 0}));
  EXPECT_EQ(VersionFromBanner("110100"), (Version{11, 1, 0}));
  for (const char* bad : {"", "86", "8602b", "v8602"}) EXPECT_EQ(VersionFromBanner(bad), std::nullopt) << bad;
}

BuildRequest Request(const std::string& precision) {
  return {"in.onnx", "out.trt", "t.cache", precision, false, {{"x", {1, 3}, {1, 3}, {8, 3}}}, 0};
}

TEST(Flags, AreThoseOfTheVersion) {
  struct Row {
    Version version;
    std::string precision;
    std::vector<std::string> types;
  };
  const std::vector<Row> rows{{{8, 6, 2}, "fp16", {"--fp16"}},
                              {{8, 6, 2}, "int8", {"--int8", "--fp16"}},
                              {{8, 6, 2}, "mixed", {"--int8", "--fp16"}},
                              {{10, 3, 0}, "fp16", {"--stronglyTyped"}},
                              {{10, 3, 0}, "int8", {"--int8", "--fp16"}},
                              {{10, 3, 0}, "mixed", {"--stronglyTyped"}},
                              {{10, 3, 0}, "int4", {"--stronglyTyped"}},
                              {{11, 1, 0}, "fp16", {}},
                              {{11, 1, 0}, "int8", {}}};
  for (const Row& row : rows) {
    BuildRequest request = Request(row.precision);
    request.quantized = true;
    const auto options = BuildOptions(row.version, request);
    ASSERT_TRUE(options.ok());
    for (const char* flag : {"--fp16", "--int8", "--stronglyTyped"}) {
      const bool wanted = std::find(row.types.begin(), row.types.end(), flag) != row.types.end();
      const bool there = std::find(options->begin(), options->end(), flag) != options->end();
      EXPECT_EQ(there, wanted) << row.version.ToString() << " " << row.precision << " " << flag;
    }
    // Gone since 10, and never needed.
    for (const std::string& option : *options) EXPECT_THAT(option, Not(HasSubstr("--workspace=")));
  }
  EXPECT_FALSE(BuildOptions({7, 2, 1}, Request("fp16")).ok());
  EXPECT_FALSE(BuildOptions({8, 6, 2}, Request("int4")).ok()) << "since 10";
  EXPECT_FALSE(BuildOptions({10, 3, 0}, Request("fp4")).ok());
}

// trtexec makes up ranges where --int8 meets a graph without Q/DQ (sampleEngines.cpp, setTensorDynamicRange).
TEST(Flags, NoInt8WithoutScales) {
  for (const Version& version : {Version{8, 6, 2}, Version{10, 3, 0}}) {
    const auto options = BuildOptions(version, Request("int8"));
    ASSERT_TRUE(options.ok());
    EXPECT_THAT(*options, AllOf(Contains("--fp16"), Not(Contains("--int8"))));
  }
}

TEST(Flags, GiveTheProfile) {
  BuildRequest request = Request("fp16");
  request.inputs.push_back({"y", {1}, {1}, {1}});
  const auto arguments = BuildArguments({8, 6, 2}, request);
  ASSERT_TRUE(arguments.ok());
  EXPECT_THAT(*arguments, Contains("--minShapes=x:1x3,y:1"));
  EXPECT_THAT(*arguments, Contains("--maxShapes=x:8x3,y:1"));
  EXPECT_THAT(*arguments, Contains("--timingCacheFile=t.cache"));
  EXPECT_THAT(*arguments, Contains("--skipInference"));
  request.inputs = {{"x", {1, 3}, {1, 3}, {1, 3}}};
  const auto fixed = BuildArguments({8, 6, 2}, request);
  ASSERT_TRUE(fixed.ok());
  for (const std::string& word : *fixed) EXPECT_THAT(word, Not(HasSubstr("Shapes")));
}

TEST(Flags, OfAnInspection) {
  InspectRequest request;
  request.engine = "a.trt";
  request.inputs = {{"x", {1, 3}, {1, 3}, {8, 3}}};
  request.batch = 4;
  request.load = {{"x", "x.bin"}};
  request.outputs = "out.json";
  EXPECT_THAT(InspectArguments({8, 6, 2}, request),
              ElementsAre("--loadEngine=a.trt", "--shapes=x:4x3", "--loadInputs=x:x.bin", "--exportOutput=out.json",
                          "--duration=3"));
  request.profile = "p.json";
  EXPECT_THAT(InspectArguments({10, 3, 0}, request), Contains("--separateProfileRun"));
  // 11 leaves out copies and replays graphs unless told otherwise: its times would be others.
  EXPECT_THAT(InspectArguments({11, 1, 0}, request),
              AllOf(IsSupersetOf({"--includeDataTransfers", "--noSpinWait", "--noCudaGraph", "--exportProfile=p.json"}),
                    Not(Contains("--separateProfileRun"))));
}

}  // namespace
}  // namespace vlaq::engine
