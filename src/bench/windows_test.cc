// Which windows are taken of recorded frames, and that the streaming pair answers them as the whole graph does.
#include "bench/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/reference/reference.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/testing.h"
#include "export/testing.h"
#include "policy/value_shapes.h"
#include "runtime/testing.h"

namespace vlaq::bench {
namespace {

using ::testing::HasSubstr;

class WindowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = exporting::testing::ExportTiny(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    bundle_ = std::move(*opened);
  }

  // `count` frames of noise.
  static Tensor Recorded(int64_t count) {
    Tensor frames = Tensor::Make(DType::kU8, {count, 10, 12, 3});
    Random random(5, 1);
    for (uint8_t& x : frames.mutable_data<uint8_t>()) x = static_cast<uint8_t>(random.Uniform(0, 255));
    return frames;
  }
  Result<Windows> Of(int64_t frames, size_t most) const {
    return Windows::Make(*image::FramesOf(Recorded(frames), "recorded"), bundle_, most);
  }
  int64_t window() const { return policy::LongestWindow(bundle_.policy).value_or(1); }
  // Whether window `i` of `windows` starts at this frame.
  bool StartsAt(const Windows& windows, size_t i, size_t frame) const {
    const Windows all = *Of(window() + 20, 1000);
    return std::ranges::equal(windows.Pixels(i, 1)->bytes(), all.Pixels(frame, 1)->bytes());
  }

  TemporaryFolder folder_;
  bundle::Bundle bundle_;
};

TEST_F(WindowsTest, AreAllOfThemOrSpreadEvenly) {
  const auto all = Of(window() + 20, 64);
  ASSERT_TRUE(all.ok()) << all.error().ToString();
  EXPECT_EQ(all->size(), 21U);
  EXPECT_EQ(all->frames_used(), static_cast<size_t>(window()) + 20);
  EXPECT_EQ(all->Pixels(3, 5)->shape(), (Shape{5, window(), 3, 8, 8}));
  const auto few = Of(window() + 20, 3);
  ASSERT_TRUE(few.ok());
  EXPECT_EQ(few->size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(StartsAt(*few, i, 10 * i)) << i;
  EXPECT_FALSE(StartsAt(*few, 1, 11));
  const auto one = Of(window() + 20, 1);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->frames_used(), static_cast<size_t>(window()));
  EXPECT_NE(one->sha256(), all->sha256());
}

TEST_F(WindowsTest, NoFrameIsShownTwice) {
  EXPECT_EQ(Of(window(), 64)->size(), 1U);
  const auto short_of = Of(window() - 1, 64);
  ASSERT_FALSE(short_of.ok());
  EXPECT_EQ(short_of.error().code, ErrorCode::kInput);
  EXPECT_THAT(short_of.error().ToString(), HasSubstr("and a window of the policy holds"));
}

TEST_F(WindowsTest, TheHashIsOfThePixels) {
  Sha256 hash;
  const Tensor frames = Recorded(window());
  const size_t bytes = frames.bytes().size() / static_cast<size_t>(window());
  for (size_t i = 0; i < static_cast<size_t>(window()); ++i) {
    hash.Update(AsBytes("12x10\n"));
    hash.Update(frames.bytes().subspan(i * bytes, bytes));
  }
  EXPECT_EQ(Of(window(), 64)->sha256(), hash.FinishHex());
}

TEST_F(WindowsTest, ThePairAnswersAsTheWholeGraph) {
  const auto backend = backend::MakeReferenceBackend();
  const auto whole = runtime::testing::FrameRunner::Open(bundle_, *backend, {}, "whole");
  ASSERT_TRUE(whole.ok());
  for (const size_t most : {64U, 3U}) {  // overlapping, and with frames between that are in none
    const auto windows = Of(window() + 20, most);
    ASSERT_TRUE(windows.ok());
    const auto actions = windows->ActionsOf(bundle_, *backend, {}, SilentLog());
    ASSERT_TRUE(actions.ok()) << actions.error().ToString();
    const auto values = static_cast<size_t>(*ElementCount(bundle_.policy.outputs[0].shape));
    ASSERT_EQ(actions->size(), windows->size() * values);
    for (size_t i = 0; i < windows->size(); ++i) {
      const Tensor pixels = *windows->Pixels(i, 1);  // [1, W, 3, S, S]
      const size_t bytes = pixels.bytes().size() / static_cast<size_t>(window());
      const Shape frame(pixels.shape().begin() + 2, pixels.shape().end());
      (*whole)->executor.Reset();
      Result<Tensor> wanted = Tensor();
      for (size_t t = 0; t < static_cast<size_t>(window()); ++t) {
        wanted = (*whole)->Step(Tensor::View(DType::kF32, frame, pixels.bytes().subspan(t * bytes, bytes), nullptr));
        ASSERT_TRUE(wanted.ok());
      }
      for (size_t k = 0; k < values; ++k) {
        EXPECT_NEAR((*actions)[i * values + k], wanted->data<float>()[k], 1e-5) << i;
      }
    }
  }
}

}  // namespace
}  // namespace vlaq::bench
