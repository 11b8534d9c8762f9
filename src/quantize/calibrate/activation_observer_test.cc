#include "quantize/calibrate/activation_observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "runtime/testing.h"

namespace vlaq::calibrate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Tensors = std::map<std::string, Tensor>;

Tensor Values(const Shape& shape, uint64_t seed) {
  Tensor tensor = Tensor::Make(DType::kF32, shape);
  Random random(seed);
  for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(random.Normal());
  return tensor;
}

TEST(ActivationObserver, ABatchIsItsItemsOneByOne) {
  const std::vector<ObservedValue> values{{"rows", Detail::kChannels, false, false},
                                          {"heads", Detail::kHistogram, false, false},
                                          {"constant", Detail::kChannels, false, false},
                                          {"pixels", Detail::kHistogram, true, false}};
  // "heads" has two leading entries for each item, "constant" the same three for all.
  std::vector<Tensors> inputs, outputs;
  ActivationObserver one(1, {});
  for (uint64_t i = 0; i < 3; ++i) {
    inputs.push_back({{"pixels", Values({1, 2, 2}, 10 + i)}});
    outputs.push_back(
        {{"rows", Values({1, 4, 5}, 20 + i)}, {"heads", Values({2, 3, 3}, 30 + i)}, {"constant", Values({3, 5}, 40)}});
    const ObservedRun run{inputs[i], outputs[i], {{static_cast<int>(i % 2), "x"}}, {}};
    ASSERT_TRUE(one.Add(values, run).ok());
  }
  const auto joined = [](const std::vector<Tensors>& runs, const std::string& name) {
    std::vector<Tensor> parts;
    for (const Tensors& run : runs) parts.push_back(run.at(name));
    Shape shape = parts[0].shape();
    shape[0] *= static_cast<int64_t>(runs.size());
    return runtime::testing::Stack(parts).Reshaped(shape);
  };
  const Tensors batch_inputs{{"pixels", joined(inputs, "pixels")}};
  const Tensors batch_outputs{
      {"rows", joined(outputs, "rows")}, {"heads", joined(outputs, "heads")}, {"constant", outputs[0].at("constant")}};
  for (const int threads : {1, 3}) {
    ActivationObserver batch(threads, {});
    batch.LearnShapes(values, {inputs[0], outputs[0], {}, {}});
    ASSERT_TRUE(batch.Add(values, {batch_inputs, batch_outputs, {{0, "x"}, {1, "x"}, {0, "x"}}, {}}).ok());
    EXPECT_EQ(batch.stats(), one.stats());
  }
  EXPECT_EQ(one.stats().at("rows")[0].count, 40);
  EXPECT_EQ(one.stats().at("constant")[0].count, 30);
  EXPECT_EQ(one.stats().at("heads")[1].count, 18);
}

TEST(ActivationObserver, PaddingIsLeftOut) {
  // Rows 0 and 1 and 3 are seen. Only values that follow from the prompt, with a row for each token, have padding.
  const std::vector<int64_t> mask{1, 1, 0, 1};
  const std::vector<ObservedValue> values{{"text", Detail::kChannels, false, true},
                                          {"softmax", Detail::kRange, false, true},
                                          {"pooled", Detail::kChannels, false, true},
                                          {"vision", Detail::kChannels, false, false}};
  std::vector<float> text{1, 2, 3, 4, 50, 60, 5, 6, /* second item */ 7, 8, 9, 10, 70, 80, 11, 12};
  std::vector<float> softmax;  // [2, 2 heads, 4 tokens, 1]
  for (int i = 0; i < 4; ++i) softmax.insert(softmax.end(), {0.25F, 0.5F, 99, 0.75F});
  const Tensors outputs{{"text", Tensor::From<float>({2, 4, 2}, text)},
                        {"softmax", Tensor::From<float>({2, 2, 4, 1}, softmax)},
                        {"pooled", Tensor::From<float>({2, 2}, std::vector<float>{1, 2, 3, 4})},
                        {"vision", Tensor::From<float>({2, 4, 2}, text)}};
  const Tensors first{{"text", Values({1, 4, 2}, 1)},
                      {"softmax", Values({1, 2, 4, 1}, 1)},
                      {"pooled", Values({1, 2}, 1)},
                      {"vision", Values({1, 4, 2}, 1)}};
  ActivationObserver observer(1, {});
  observer.LearnShapes(values, {{}, first, {}, {}});
  ASSERT_TRUE(observer.Add(values, {{}, outputs, {{0, "a"}, {1, "b"}}, mask}).ok());
  const auto& stats = observer.stats();
  EXPECT_EQ(stats.at("text")[0].count, 6);
  EXPECT_THAT(stats.at("text")[0].channel_sum, ElementsAre(9, 12));
  EXPECT_EQ(stats.at("text")[0].maximum, 6);
  EXPECT_THAT(stats.at("text")[1].channel_sum, ElementsAre(27, 30));
  EXPECT_EQ(stats.at("softmax")[0].count, 6);
  EXPECT_EQ(stats.at("softmax")[1].maximum, 0.75);
  EXPECT_EQ(stats.at("pooled")[1].maximum, 4);
  EXPECT_EQ(stats.at("vision")[0].maximum, 60);
}

TEST(ActivationObserver, WhatIsNoNumberIsNamed) {
  const std::vector<ObservedValue> values{{"fine", Detail::kRange, false, false},
                                          {"bad", Detail::kRange, false, false}};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensors outputs{{"fine", Values({2, 2}, 1)},
                        {"bad", Tensor::From<float>({2, 2}, std::vector<float>{1, 2, 3, nan})}};
  ActivationObserver observer(2, {});
  observer.LearnShapes(values, {{}, {{"fine", Values({1, 2}, 1)}, {"bad", Values({1, 2}, 1)}}, {}, {}});
  const Status status = observer.Add(values, {{}, outputs, {{0, "frame 1"}, {0, "frame 2"}}, {}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kInput);
  EXPECT_THAT(status.error().ToString(), AllOf(HasSubstr("value 'bad'"), HasSubstr("frame 2")));
  const Status missing = observer.Add({{"gone", Detail::kRange, false, false}}, {{}, outputs, {{0, "x"}}, {}});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kInternal);
  const Tensors whole{{"fine", Tensor::Make(DType::kI64, {2, 2})}};
  const Status other_type = observer.Add({values[0]}, {{}, whole, {{0, "x"}}, {}});
  ASSERT_FALSE(other_type.ok());
  EXPECT_EQ(other_type.error().code, ErrorCode::kInput);
  EXPECT_THAT(other_type.error().ToString(),
              HasSubstr("value 'fine': is declared float32 in the graph, and comes out"));
}

}  // namespace
}  // namespace vlaq::calibrate
