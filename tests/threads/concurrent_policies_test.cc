// One back end and one bundle serve several threads, each with a runner of its own: opening is thread-safe, and runs
// beside each other give what they give alone.
#include <gtest/gtest.h>

#include <thread>

#include "backend/onnxruntime/onnxruntime.h"
#include "backend/reference/reference.h"
#include "base/testing.h"
#include "export/testing.h"
#include "families/kosmos2_lstm/testing.h"
#include "runtime/testing.h"

namespace vlaq {
namespace {

using kosmos2_lstm::testing::RandomTensor;

class ConcurrentPolicies : public ::testing::Test {
 protected:
  void SetUp() override {
    auto bundle = exporting::testing::ExportTiny(folder_.path());
    ASSERT_TRUE(bundle.ok()) << bundle.error().ToString();
    bundle_ = *std::move(bundle);
  }

  // The actions of a whole episode, one after the other; a failure is a message instead.
  std::string Episode(const backend::Backend& backend, uint64_t seed, std::vector<float>& actions) const {
    auto runner = runtime::testing::FrameRunner::Open(bundle_, backend, {.threads = 2});
    if (!runner.ok()) return runner.error().ToString();
    for (uint64_t step = 0; step < 5; ++step) {
      const Result<Tensor> action = (*runner)->Step(RandomTensor({3, 8, 8}, seed + step, 1));
      if (!action.ok()) return action.error().ToString();
      const auto values = action->data<float>();
      actions.insert(actions.end(), values.begin(), values.end());
    }
    return "";
  }

  // Three threads meet a back end that nobody has used before; then each episode runs again, alone.
  void ExpectSameAsAlone(const backend::Backend& backend) const {
    constexpr size_t kThreads = 3;
    std::vector<std::vector<float>> together(kThreads);
    std::vector<std::string> errors(kThreads);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] { errors[i] = Episode(backend, 100 * i, together[i]); });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < kThreads; ++i) {
      ASSERT_EQ(errors[i], "");
      std::vector<float> alone;
      ASSERT_EQ(Episode(backend, 100 * i, alone), "");
      EXPECT_EQ(together[i], alone) << "episode " << i;
    }
    EXPECT_NE(together[0], together[1]) << "the episodes should differ";
  }

  TemporaryFolder folder_;
  bundle::Bundle bundle_;
};

TEST_F(ConcurrentPolicies, OnTheReferenceBackend) { ExpectSameAsAlone(*backend::MakeReferenceBackend()); }

TEST_F(ConcurrentPolicies, OnOnnxRuntime) { ExpectSameAsAlone(*backend::MakeOnnxRuntimeBackend()); }

}  // namespace
}  // namespace vlaq
