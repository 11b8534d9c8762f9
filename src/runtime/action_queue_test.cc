// What is played when: queues, and the temporal ensemble against a twin that keeps every chunk.
#include "runtime/action_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace vlaq::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// [rows, 2]: row i is [first + i, -(first + i)].
Tensor Chunk(int64_t rows, float first) {
  Tensor chunk = Tensor::Make(DType::kF32, {rows, 2});
  float x = first;
  const auto values = chunk.mutable_data<float>();
  for (size_t i = 0; i < values.size(); i += 2, ++x) {
    values[i] = x;
    values[i + 1] = -x;
  }
  return chunk;
}

Tensor RandomChunk(int64_t rows, int64_t dim, uint64_t seed) {
  Tensor chunk = Tensor::Make(DType::kF32, {rows, dim});
  Random random(seed);
  for (float& x : chunk.mutable_data<float>()) x = static_cast<float>(random.Normal());
  return chunk;
}

policy::Control Playing(int64_t n_action_steps) { return {0.1, n_action_steps, {}}; }
policy::Control Ensembling(double coefficient) { return {0.1, 1, coefficient}; }

TEST(ActionQueue, PlaysTheFirstActionsOfAChunk) {
  ActionQueue queue(Playing(3));
  EXPECT_TRUE(queue.NeedsChunk());
  for (const float first : {0.0F, 10.0F}) {
    ASSERT_TRUE(queue.Push(Chunk(5, first)).ok());
    for (int i = 0; i < 3; ++i) {
      ASSERT_FALSE(queue.NeedsChunk());
      const Tensor action = queue.Pop();
      EXPECT_EQ(action.shape(), (Shape{2}));
      const float x = first + static_cast<float>(i);
      EXPECT_THAT(action.data<float>(), ElementsAre(x, -x));
    }
    EXPECT_TRUE(queue.NeedsChunk());
  }
}

TEST(ActionQueue, PlaysAllOfAShortChunk) {
  ActionQueue queue(Playing(8));
  ASSERT_TRUE(queue.Push(Chunk(2, 0)).ok());
  queue.Pop();
  EXPECT_FALSE(queue.NeedsChunk());
  queue.Pop();
  EXPECT_TRUE(queue.NeedsChunk());
}

TEST(ActionQueue, ANewChunkTakesThePlaceOfWhatIsLeft) {
  ActionQueue queue(Playing(4));
  ASSERT_TRUE(queue.Push(Chunk(4, 0)).ok());
  queue.Pop();
  ASSERT_TRUE(queue.Push(Chunk(4, 20)).ok());
  EXPECT_EQ(queue.Pop().data<float>()[0], 20);
}

TEST(ActionQueue, ResetForgetsWhatIsLeft) {
  for (const policy::Control& control : {Playing(4), Ensembling(0.01)}) {
    ActionQueue queue(control);
    ASSERT_TRUE(queue.Push(Chunk(4, 0)).ok());
    queue.Reset();
    EXPECT_TRUE(queue.NeedsChunk());
    ASSERT_TRUE(queue.Push(Chunk(3, 7)).ok()) << "another episode may have other chunks";
    EXPECT_EQ(queue.Pop().data<float>()[0], 7);
  }
}

TEST(ActionQueue, RefusesWhatIsNoChunk) {
  for (const policy::Control& control : {Playing(2), Ensembling(0.01)}) {
    ActionQueue queue(control);
    for (const Tensor& wrong : {Tensor::Make(DType::kF64, {4, 2}), Tensor::Make(DType::kF32, {2}),
                                Tensor::Make(DType::kF32, {1, 4, 2}), Tensor::Make(DType::kF32, {0, 2})}) {
      const Status status = queue.Push(wrong);
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().code, ErrorCode::kUsage);
      EXPECT_THAT(status.error().what, AllOf(HasSubstr(ShapeText(wrong.shape())), HasSubstr("[chunk, dim]")));
      EXPECT_TRUE(queue.NeedsChunk());
    }
  }
}

TEST(ActionQueue, AnEnsembleRefusesChunksThatDoNotGoWithTheOthers) {
  ActionQueue queue(Ensembling(0.01));
  ASSERT_TRUE(queue.Push(Chunk(4, 0)).ok());
  EXPECT_THAT(queue.Push(Chunk(4, 0)).error().what, HasSubstr("two chunks"));
  queue.Pop();
  EXPECT_THAT(queue.Push(Chunk(3, 0)).error().what, AllOf(HasSubstr("[3, 2]"), HasSubstr("[4, 2]")));
  ASSERT_TRUE(queue.Push(Chunk(4, 1)).ok());
  EXPECT_FLOAT_EQ(queue.Pop().data<float>()[0], 1) << "both predict 1 for this time";
}

// Every prediction for a time that has not been dropped, the oldest first, in double precision.
std::vector<double> Twin(const std::vector<Tensor>& chunks, size_t time, double coefficient) {
  const auto rows = static_cast<size_t>(chunks[0].shape()[0]);
  const auto dim = static_cast<size_t>(chunks[0].shape()[1]);
  std::vector<double> mean(dim, 0.0);
  double sum = 0;
  int age = 0;
  for (size_t made = time + 1 >= rows ? time + 1 - rows : 0; made <= time; ++made, ++age) {
    const double weight = std::exp(-coefficient * age);
    sum += weight;
    for (size_t i = 0; i < dim; ++i) {
      mean[i] += weight * static_cast<double>(chunks[made].data<float>()[(time - made) * dim + i]);
    }
  }
  for (double& x : mean) x /= sum;
  return mean;
}

TEST(ActionQueue, AnEnsembleIsTheWeightedMeanOfAllPredictions) {
  for (const double coefficient : {0.0, 0.01, 0.5, -0.1}) {
    for (const int64_t rows : {1, 2, 7, 20}) {
      ActionQueue queue(Ensembling(coefficient));
      std::vector<Tensor> chunks;
      for (size_t time = 0; time < 50; ++time) {
        ASSERT_TRUE(queue.NeedsChunk());
        chunks.push_back(RandomChunk(rows, 3, 1000 + time));
        ASSERT_TRUE(queue.Push(chunks.back()).ok());
        const Tensor action = queue.Pop();
        const std::vector<double> expected = Twin(chunks, time, coefficient);
        for (size_t i = 0; i < 3; ++i) {
          EXPECT_NEAR(static_cast<double>(action.data<float>()[i]), expected[i], 3e-6)
              << coefficient << " " << rows << " " << time;
        }
      }
    }
  }
}

TEST(ActionQueue, OlderPredictionsWeighMore) {
  ActionQueue queue(Ensembling(std::log(3.0)));
  ASSERT_TRUE(queue.Push(Chunk(2, 0)).ok());  // predicts 1 for the next time
  queue.Pop();
  ASSERT_TRUE(queue.Push(Chunk(2, 5)).ok());
  EXPECT_FLOAT_EQ(queue.Pop().data<float>()[0], (3 * 1 + 5) / 4.0F);
}

}  // namespace
}  // namespace vlaq::runtime
