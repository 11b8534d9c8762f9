#include "serve/openpi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "msgpack/decode.h"
#include "msgpack/encode.h"
#include "serve/testing.h"

namespace vlaq::serve {
namespace {

using msgpack::Map;
using msgpack::Value;
using ::testing::HasSubstr;

Value Of(Map map) { return Value(Value::Data(std::move(map))); }

Result<Request> Read(Map map) {
  const auto message = msgpack::Encode(Of(std::move(map)));
  return OpenpiRequest(std::as_bytes(std::span(*message)));
}

TEST(OpenpiTest, AnObservationIsReadFlat) {
  const auto request = Read({{"images", Of({{"front", Value(Tensor::Make(DType::kU8, {2, 2, 3}))}})},
                             {"state", Value(msgpack::Array{Value::Integer(1), Value(Value::Data(0.5))})},
                             {"gripper", Value(Value::Data(2.0))},
                             {"prompt", Value::Text("go")},
                             {"nothing", Value()},
                             {"reset", Value(Value::Data(true))}});
  ASSERT_TRUE(request.ok()) << request.error().ToString();
  EXPECT_TRUE(request->values.contains("images/front"));
  EXPECT_THAT(request->values.at("state").data<double>(), ::testing::ElementsAre(1, 0.5));
  EXPECT_EQ(request->values.at("gripper").rank(), 0);
  EXPECT_EQ(request->texts.at("prompt"), "go");
  EXPECT_TRUE(request->reset);
  EXPECT_FALSE(request->values.contains("nothing"));
}

TEST(OpenpiTest, ErrorsNameTheKey) {
  EXPECT_THAT(Read({{"state", Value(msgpack::Array{Value::Text("x")})}}).error().ToString(),
              HasSubstr("state: is neither"));
  EXPECT_THAT(Read({{"reset", Value::Integer(1)}}).error().ToString(), HasSubstr("reset: must be true or false"));
  const std::string number = "\x01";
  EXPECT_THAT(OpenpiRequest(std::as_bytes(std::span(number))).error().ToString(), HasSubstr("must be a map"));
}

TEST(OpenpiTest, MetadataAndRepliesAreWhatClientsRead) {
  const auto features = ReadFeatures(testing::SmallBundle());
  ASSERT_TRUE(features.ok());
  const auto metadata_bytes = OpenpiMetadata(*features, {testing::kCamera}, "small");
  const auto metadata = msgpack::Decode(std::as_bytes(std::span(*metadata_bytes)));
  ASSERT_TRUE(metadata.ok());
  EXPECT_EQ(*metadata->Find("action_dim")->As<int64_t>(), 2);
  EXPECT_EQ(*metadata->Find("chunk")->As<int64_t>(), 2);
  EXPECT_EQ(*metadata->Find("period_s")->As<double>(), 0.25);
  EXPECT_EQ(metadata->Find("input_keys")->As<msgpack::Array>()->size(), 1U);

  Answer answer;
  answer.outputs[features->outputs.front().name] = Tensor::Make(DType::kF32, {2});
  answer.infer_ms = 3;
  answer.total_ms = 5;
  const auto first_bytes = OpenpiReply(*features, answer, 0);
  const auto first = msgpack::Decode(std::as_bytes(std::span(*first_bytes)));
  EXPECT_EQ(first->Find("actions")->As<Tensor>()->shape(), Shape({1, 2}));
  EXPECT_EQ(*first->Find("policy_timing")->Find("infer_ms")->As<double>(), 3);
  EXPECT_EQ(first->Find("server_timing")->Find("prev_total_ms"), nullptr);
  const auto second_bytes = OpenpiReply(*features, answer, 7);
  const auto second = msgpack::Decode(std::as_bytes(std::span(*second_bytes)));
  EXPECT_EQ(*second->Find("server_timing")->Find("prev_total_ms")->As<double>(), 7);
}

}  // namespace
}  // namespace vlaq::serve
