#include "engine/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace vlaq::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string TensorText(const char* format) {
  return std::string(R"([{"Name": "t", "Format/Datatype": ")") + format + "\"}]";
}

Layer Read(const std::string& members) {
  const auto layers = ReadLayers("{\"Layers\": [{" + members + "}], \"Bindings\": []}", "info");
  EXPECT_TRUE(layers.ok()) << (layers.ok() ? "" : layers.error().ToString());
  return layers.ok() ? layers->front() : Layer{};
}

TEST(Layers, SayWhatTheyComputeIn) {
  struct Row {
    std::string members;
    Precision precision;
  };
  const std::vector<Row> rows{
      {R"("Name": "a", "TacticName": "sm80_xmma_gemm_i8i8_i8i32_f32_tn_n", "Inputs": )" + TensorText("Half"),
       Precision::kInt8},
      {R"("Name": "a", "TacticName": "sm80_xmma_gemm_f16f16_f16f32_f32_nn_n", "Inputs": )" + TensorText("Float"),
       Precision::kHalf},
      {R"("Name": "a", "TacticName": "sm80_xmma_gemm_bf16bf16_bf16f32_f32_nn_n")", Precision::kOther},
      {R"("Name": "a", "TacticName": "sm80_xmma_gemm_f32f32_tf32f32_f32_nn_n")", Precision::kFloat32},
      {R"("Name": "a", "TacticName": "ampere_sgemm_128x64_nn")", Precision::kFloat32},
      // No kernel's name: its weights, then what it reads.
      {R"("Name": "a", "Weights": {"Type": "Int8", "Count": 4}, "Inputs": )" + TensorText("Float"), Precision::kInt8},
      {R"("Name": "a", "Inputs": )" + TensorText("Thirty-two wide channel vectorized row major Int8 format"),
       Precision::kInt8},
      {R"("Name": "a", "Inputs": )" + TensorText("Channel major FP16 format where channel % 4 == 0"), Precision::kHalf},
      {R"("Name": "a", "Inputs": [{"Format/Datatype": "Int8"}, {"Format/Datatype": "Row major linear FP32"}])",
       Precision::kFloat32},
      {R"("Name": "a", "Inputs": [{"Format/Datatype": "Int32"}, {"Format/Datatype": "Half"}])", Precision::kHalf},
      {R"("Name": "a", "Inputs": )" + TensorText("N/A due to dynamic shapes"), Precision::kUnknown},
      {R"("Name": "{ForeignNode[a...b]}", "LayerType": "Myelin", "Inputs": )" + TensorText("Half"),
       Precision::kUnknown},
      {R"("Name": "a")", Precision::kUnknown},
  };
  for (const Row& row : rows)
    EXPECT_EQ(PrecisionName(Read(row.members).precision), PrecisionName(row.precision)) << row.members;
}

TEST(Layers, NameTheirNodes) {
  EXPECT_THAT(Read(R"("Name": "x", "Metadata": "[ONNX Layer: a/MatMul]\u001e[ONNX Layer: a/Add]")").nodes,
              ElementsAre("a/MatMul", "a/Add"));
  EXPECT_THAT(Read(R"("Name": "a/MatMul + a/Add", "Metadata": "")").nodes, ElementsAre("a/MatMul", "a/Add"));
  const Layer reformat =
      Read(R"("Name": "Reformatting CopyNode for Input Tensor 0 to a/MatMul", "LayerType": "Reformat")");
  EXPECT_TRUE(reformat.reformat);
  EXPECT_THAT(reformat.nodes, ElementsAre("a/MatMul"));
  EXPECT_THAT(Read(R"("Name": "{ForeignNode[a...b]}")").nodes, IsEmpty());
}

TEST(Layers, AreRefusedWhenDamaged) {
  const std::string whole = R"({"Layers": [{"Name": "a", "Inputs": [{"Name": "t"}], "Outputs": []}]})";
  ASSERT_TRUE(ReadLayers(whole, "info").ok());
  for (size_t length = 0; length < whole.size(); ++length) {
    const auto cut = ReadLayers(whole.substr(0, length), "info");
    ASSERT_FALSE(cut.ok()) << length;
    EXPECT_EQ(cut.error().code, ErrorCode::kBackend);
  }
  for (const char* bad :
       {"[]", "{}", R"({"Layers": []})", R"({"Layers": 3})", R"({"Layers": [3]})", R"({"Layers": [{}]})",
        R"({"Layers": [{"Name": 3}]})", R"({"Layers": [{"Name": "a", "Inputs": 3}]})",
        R"({"Layers": [{"Name": "a", "Outputs": [3]}]})"}) {
    EXPECT_FALSE(ReadLayers(bad, "info").ok()) << bad;
  }
  const auto names = ReadLayers(R"({"Layers": ["a", "b"]})", "info");
  ASSERT_FALSE(names.ok());
  EXPECT_THAT(names.error().ToString(), HasSubstr("--profilingVerbosity=detailed"));
}

TEST(Profile, GivesLayersTheirTime) {
  std::vector<Layer> layers{{"a", "", "", Precision::kHalf, false, {}, {}},
                            {"b", "", "", Precision::kHalf, false, {}, {}}};
  const std::string text = R"([{"count": 9}, {"name": "a", "timeMs": 9, "averageMs": 1, "percentage": 90.0},
                              {"name": "other", "averageMs": 2}])";
  ASSERT_TRUE(ReadProfile(text, "profile", layers).ok());
  EXPECT_EQ(layers[0].average_ms, 1);
  EXPECT_EQ(layers[1].average_ms, std::nullopt);
  for (const char* bad : {"", "{}", "[]", "[3]", R"([{"count": 9}])", R"([{"name": "a"}])", R"([{"averageMs": 1}])",
                          R"([{"name": "a", "averageMs": "x"}])"}) {
    EXPECT_FALSE(ReadProfile(bad, "profile", layers).ok()) << bad;
  }
}

TEST(Times, AreRead) {
  const auto times = ReadTimes(R"([{"latencyMs": 2, "computeMs": 1}, {"latencyMs": 4.5, "computeMs": 3}])", "times");
  ASSERT_TRUE(times.ok());
  EXPECT_THAT(times->latency, ElementsAre(2, 4.5));
  EXPECT_THAT(times->compute, ElementsAre(1, 3));
  for (const char* bad : {"", "[", "[]", "[1]", R"([{"latencyMs": 2}])", R"([{"latencyMs": -2, "computeMs": 1}])"}) {
    EXPECT_FALSE(ReadTimes(bad, "times").ok()) << bad;
  }
}

TEST(Outputs, AreRead) {
  const auto outputs = ReadOutputs(R"([{"name": "y", "dimensions": "1x2", "values": [0.5, -1]}])", "out");
  ASSERT_TRUE(outputs.ok());
  EXPECT_THAT(outputs->at("y"), ElementsAre(0.5, -1));
  for (const char* bad :
       {"", "{}", "[3]", R"([{"name": "y"}])", R"([{"values": []}])", R"([{"name": "y", "values": ["a"]}])"}) {
    EXPECT_FALSE(ReadOutputs(bad, "out").ok()) << bad;
  }
}

TEST(Layers, SurviveARecord) {
  const std::vector<Layer> layers{{"a", "gemm", "kernel", Precision::kInt8, false, {"n"}, 0.5},
                                  {"b", "Reformat", "", Precision::kUnknown, true, {}, {}}};
  const auto back = LayersFromJson(LayersToJson(layers), "record");
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(LayersToJson(*back), LayersToJson(layers));
  EXPECT_FALSE(LayersFromJson(Json::parse("[{}]"), "record").ok());
  EXPECT_FALSE(LayersFromJson(Json::parse("3"), "record").ok());
}

}  // namespace
}  // namespace vlaq::engine
