#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/log.h"
#include "robot/worker/worker.h"
#include "robot/worker/worker_inference.h"

namespace vlaq::robot::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Observation Seen(uint8_t value = 7) {
  Tensor camera = Tensor::Make(DType::kU8, {2, 2, 3});
  camera.mutable_data<uint8_t>()[0] = value;
  return {{"camera", camera}};
}

std::unique_ptr<Inference> Start() {
  auto inference =
      StartWorker({.command = "exec " VLAQ_WORKER_STAND_IN, .abandon_s = 0.5, .restart_pause_s = 0.01}, SilentLog());
  EXPECT_TRUE(inference.ok()) << inference.error().ToString();
  return std::move(*inference);
}

TEST(WorkerTest, AnswersStepsAndBeginsEpisodes) {
  const auto inference = Start();
  EXPECT_THAT(inference->WarmUp()->data<float>(), ElementsAre(0, 0));
  EXPECT_THAT(inference->Step(Seen(9))->data<float>(), ElementsAre(1, 9));
  EXPECT_THAT(inference->Step(Seen())->data<float>(), ElementsAre(2, 7));
  ASSERT_TRUE(inference->Reset("").ok());
  const auto action = inference->Step(Seen());
  EXPECT_EQ(action->shape(), (Shape{1, 2}));
  EXPECT_THAT(action->data<float>(), ElementsAre(1, 7));
}

TEST(WorkerTest, ErrorsOfThePolicyArriveAsTheyAre) {
  const auto inference = Start();
  const Status refused = inference->Reset("refuse");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  ASSERT_TRUE(inference->Reset("fail").ok());
  EXPECT_TRUE(inference->Step(Seen()).ok() && inference->Step(Seen()).ok());
  EXPECT_THAT(inference->Step(Seen()).error().ToString(), HasSubstr("the graph broke"));
  EXPECT_FALSE(inference->gone());
  EXPECT_TRUE(inference->Step(Seen()).ok());
}

TEST(WorkerTest, APolicyThatCannotBeOpenedIsSaidSo) {
  const auto inference = StartWorker({.command = "exec " VLAQ_WORKER_STAND_IN " broken"}, SilentLog());
  ASSERT_FALSE(inference.ok());
  EXPECT_EQ(inference.error().code, ErrorCode::kInput);
  EXPECT_THAT(inference.error().ToString(), HasSubstr("is no bundle"));
  EXPECT_FALSE(StartWorker({.command = "exit 3"}, SilentLog()).ok());
}

// Whatever ends it, it comes back, with its task and an empty memory.
class LossTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Ways, LossTest, ::testing::Values("crash", "hang", "nonsense"));
TEST_P(LossTest, IsNoticedAndItIsStartedAgain) {
  const auto inference = Start();
  ASSERT_TRUE(inference->Reset(GetParam()).ok());
  EXPECT_TRUE(inference->Step(Seen()).ok() && inference->Step(Seen()).ok());
  EXPECT_FALSE(inference->Step(Seen()).ok());
  EXPECT_TRUE(inference->gone());
  Result<Tensor> back = inference->Step(Seen());
  for (int i = 0; !back.ok() && i < 500; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    back = inference->Step(Seen());
  }
  ASSERT_TRUE(back.ok());
  EXPECT_FALSE(inference->gone());
  EXPECT_EQ(back->data<float>()[0], 1);
}

TEST(WorkerTest, AnAbortEndsAStepThatHangs) {
  auto inference = StartWorker({.command = "exec " VLAQ_WORKER_STAND_IN, .abandon_s = 60}, SilentLog());
  ASSERT_TRUE((*inference)->Reset("hang").ok());
  EXPECT_TRUE((*inference)->Step(Seen()).ok() && (*inference)->Step(Seen()).ok());
  std::thread abort([&inference] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    (*inference)->Abort();
  });
  EXPECT_FALSE((*inference)->Step(Seen()).ok());
  abort.join();
  EXPECT_TRUE((*inference)->gone());
}

TEST(WorkerTest, FramesAreBounded) {
  EXPECT_EQ(*FrameLength(std::string("\x01\x02\x00\x00", 4)), 513U);
  EXPECT_FALSE(FrameLength("\xff\xff\xff\xff").ok());
}

}  // namespace
}  // namespace vlaq::robot::worker
