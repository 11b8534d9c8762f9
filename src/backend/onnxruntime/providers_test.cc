#include "backend/onnxruntime/providers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::backend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::string> Keys(const OpenOptions& options, int minor = 21, std::string_view provider = "tensorrt") {
  const auto all = OptionsFor(provider, options, minor);
  EXPECT_TRUE(all.ok());
  std::vector<std::string> keys;
  for (const auto& [key, value] : *all) keys.push_back(key);
  return keys;
}

// As onnxruntime-gpu 1.31 says it on machines without them.
TEST(Providers, SayWhichLibraryIsNotThereAndHowToGetIt) {
  const std::string words =
      "provider_bridge_ort.cc:2043 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library "
      "/x/libonnxruntime_providers_tensorrt.so with error: ";
  const auto tensorrt =
      MissingLibrary(words + "libnvinfer.so.10: cannot open shared object file: No such file or directory", "tensorrt");
  ASSERT_TRUE(tensorrt);
  EXPECT_EQ(tensorrt->code, ErrorCode::kBackend);
  EXPECT_THAT(tensorrt->ToString(), AllOf(HasSubstr("needs libnvinfer.so.10"), HasSubstr("nvidia-jetpack")));
  const auto driver = MissingLibrary(words + "libcuda.so.1: cannot open shared object file: No such file", "cuda");
  ASSERT_TRUE(driver);
  EXPECT_THAT(driver->ToString(), HasSubstr("driver"));
  const auto other = MissingLibrary(words + "libfoo.so.3: cannot open shared object file: No such file", "cuda");
  ASSERT_TRUE(other);
  EXPECT_THAT(other->ToString(), HasSubstr("LD_LIBRARY_PATH"));
  EXPECT_FALSE(MissingLibrary("[ONNXRuntimeError] : 10 : INVALID_GRAPH", "tensorrt"));
  EXPECT_FALSE(MissingLibrary(words + "undefined symbol: x", "tensorrt"));
}

TEST(ProviderOptions, FollowThePrecisionAndTheCache) {
  OpenOptions options;
  EXPECT_THAT(Keys(options), ElementsAre("device_id"));  // an fp32 policy is computed in fp32
  options.precision = "fp16";
  EXPECT_THAT(Keys(options), ElementsAre("device_id", "trt_fp16_enable", "trt_layer_norm_fp32_fallback"));
  options.precision = "int8";
  EXPECT_THAT(Keys(options),
              ElementsAre("device_id", "trt_fp16_enable", "trt_int8_enable", "trt_layer_norm_fp32_fallback"));
  options.precision = "fp32";
  options.cache = "/c";
  EXPECT_THAT(
      *OptionsFor("tensorrt", options, 21),
      ElementsAre(Pair("device_id", "0"), Pair("trt_engine_cache_enable", "1"), Pair("trt_engine_cache_path", "/c"),
                  Pair("trt_timing_cache_enable", "1"), Pair("trt_timing_cache_path", "/c")));
  EXPECT_THAT(Keys(options, 16), testing::Not(testing::Contains("trt_timing_cache_path")));
  EXPECT_THAT(Keys(options, 21, "cuda"), ElementsAre("device_id"));
}

TEST(ProviderOptions, OfTheUserHaveTheLastWord) {
  OpenOptions options;
  options.provider_options = {{"device_id", "1"}, {"trt_builder_optimization_level", "5"}};
  EXPECT_THAT(*OptionsFor("tensorrt", options, 21),
              ElementsAre(Pair("device_id", "1"), Pair("trt_builder_optimization_level", "5")));
  options.provider_options = {{"trt_ep_context_enable", "1"}};  // which there is not
  EXPECT_THAT(OptionsFor("tensorrt", options, 21).error().ToString(),
              HasSubstr("has no option 'trt_ep_context_enable'"));
  options.provider_options = {{"trt_fp16_enabel", "1"}};
  EXPECT_THAT(OptionsFor("tensorrt", options, 21).error().ToString(), HasSubstr("did you mean trt_fp16_enable?"));
  options.provider_options = {{"trt_bf16_enable", "1"}};
  EXPECT_THAT(OptionsFor("tensorrt", options, 21).error().ToString(), HasSubstr("needs ONNX Runtime 1.22"));
}

const std::vector<std::string> kMixed{"something before",
                                      "Node placements",
                                      " Node(s) placed on [TensorrtExecutionProvider]. Number of nodes: 1",
                                      "  TRTKernel_graph_1 (TRTKernel_graph_1_0)",
                                      " Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2",
                                      "  Gather (text/embed)",
                                      "  CumSum (text/positions)",
                                      "something after"};

TEST(Placements, AreRead) {
  const auto placements = ReadPlacements(kMixed);
  ASSERT_EQ(placements.size(), 2U);
  EXPECT_EQ(placements[0].provider, "tensorrt");
  EXPECT_EQ(placements[1].count, 2U);
  EXPECT_THAT(placements[1].nodes, ElementsAre("Gather (text/embed)", "CumSum (text/positions)"));
  EXPECT_EQ(PlacementText(placements), "tensorrt 1 node, cpu 2 nodes");
  EXPECT_EQ(
      ReadPlacements({"Node placements", " All nodes placed on [CUDAExecutionProvider]. Number of nodes: 7"})[0].count,
      7U);
  EXPECT_THAT(ReadPlacements({}), IsEmpty());
  for (const char* damaged :
       {" ", " All nodes placed on [", " All nodes placed on [x]. Number of nodes: many", " ]laced on ["}) {
    EXPECT_THAT(ReadPlacements({"Node placements", damaged}), IsEmpty()) << damaged;
  }
}

TEST(Placements, NothingFallsBackUnseen) {
  const auto placements = ReadPlacements(kMixed);
  const Status strict = CheckPlacements(placements, "tensorrt", {}, "model.onnx");
  ASSERT_FALSE(strict.ok());
  EXPECT_EQ(strict.error().code, ErrorCode::kBackend);
  EXPECT_THAT(strict.error().ToString(),
              AllOf(HasSubstr("model.onnx"), HasSubstr("2 nodes"), HasSubstr("Gather (text/embed) on cpu"),
                    HasSubstr("--fallback-provider")));
  EXPECT_FALSE(CheckPlacements(placements, "tensorrt", {"cpu:Gather"}, "").ok());
  EXPECT_FALSE(CheckPlacements(placements, "tensorrt", {"cuda"}, "").ok());
  EXPECT_TRUE(CheckPlacements(placements, "tensorrt", {"cpu:Gather", "cpu:CumSum"}, "").ok());
  EXPECT_TRUE(CheckPlacements(placements, "tensorrt", {"cpu"}, "").ok());
  EXPECT_FALSE(CheckPlacements({}, "tensorrt", {"cpu"}, "").ok());
  const std::vector<Placement> all{{"cpu", 9, {}}};
  EXPECT_THAT(CheckPlacements(all, "tensorrt", {}, "").error().ToString(), HasSubstr("all 9 nodes run on cpu"));
  EXPECT_TRUE(CheckPlacements({{"tensorrt", 1, {}}}, "tensorrt", {}, "").ok());
}

TEST(Placements, FurtherProvidersAreNamedOnce) {
  EXPECT_THAT(FurtherProviders({"cuda:Gather", "cuda", "cpu:CumSum"}), ElementsAre("cuda"));
  EXPECT_TRUE(AllowsCpu({"cuda", "cpu:CumSum"}));
  EXPECT_FALSE(AllowsCpu({"cuda"}));
}

TEST(Providers, SayWhatToInstall) {
  EXPECT_THAT(HowToGet("tensorrt"), AllOf(HasSubstr("JetPack"), HasSubstr("--ort")));
  EXPECT_THAT(HowToGet("cuda"), HasSubstr("onnxruntime-gpu"));
  EXPECT_THAT(HowToGet("other"), HasSubstr("choose one of them"));
}

}  // namespace
}  // namespace vlaq::backend
