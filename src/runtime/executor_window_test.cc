// The window against a slow twin, with views that somebody keeps, and steps that fail.
#include "runtime/executor_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/random.h"

namespace vlaq::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// [1, width], every element another number.
Tensor Piece(int64_t width, float first) {
  Tensor piece = Tensor::Make(DType::kF32, {1, width});
  for (float& x : piece.mutable_data<float>()) x = first++;
  return piece;
}

std::vector<float> Copied(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

Result<Tensor> With(SlidingWindow& window, const Tensor& piece) {
  Tensor view;
  VLAQ_RETURN_IF_ERROR(window.With(piece, view));
  return view;
}

class WindowTest : public ::testing::TestWithParam<std::tuple<int64_t, int64_t>> {};

TEST_P(WindowTest, IsTheNewestPiecesWhateverFailsAndWhoeverKeepsThem) {
  const auto [length, width] = GetParam();
  Random random(7, static_cast<uint64_t>(length * 100 + width));
  SlidingWindow window(length);
  std::deque<Tensor> twin;
  std::vector<std::pair<Tensor, std::vector<float>>> kept;  // views, and what they showed when they were made
  for (int step = 0; step < 400; ++step) {
    const Tensor piece = Piece(width, static_cast<float>(1000 * step));
    const auto view = With(window, piece);
    ASSERT_TRUE(view.ok()) << view.error().ToString();
    std::vector<float> expected;
    std::deque<Tensor> with = twin;
    with.push_back(piece);
    if (static_cast<int64_t>(with.size()) > length) with.pop_front();
    for (const Tensor& part : with)
      expected.insert(expected.end(), part.data<float>().begin(), part.data<float>().end());
    ASSERT_EQ(view->shape(), (Shape{1, static_cast<int64_t>(with.size()), width}));
    ASSERT_EQ(Copied(*view), expected) << step;
    if (random.Below(3) == 0) kept.emplace_back(*view, expected);
    if (random.Below(10) == 0) kept.clear();
    if (random.Below(4) == 0) {
      window.Discard();
    } else {
      window.Keep();
      twin = with;
    }
    if (random.Below(40) == 0) {
      window.Clear();
      twin.clear();
    }
    for (const auto& [tensor, values] : kept) ASSERT_EQ(Copied(tensor), values) << "a view changed at step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, WindowTest,
                         ::testing::Combine(::testing::Values(1, 2, 3, 8), ::testing::Values(1, 5, 16, 48)));

TEST(Window, BeginsAlikeAtEveryStep) {
  for (const int64_t width : {3, 16, 20}) {
    SlidingWindow window(3);
    for (int step = 0; step < 20; ++step) {
      const auto view = With(window, Piece(width, 0));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(view->bytes().data()) % 64, 0U) << width;
      window.Keep();
    }
  }
}

TEST(Window, RefusesWhatCannotStandBesideTheOthers) {
  SlidingWindow window(3);
  ASSERT_TRUE(With(window, Piece(4, 0)).ok());
  ASSERT_TRUE(With(window, Piece(5, 0)).ok()) << "nothing is kept yet";
  window.Keep();
  EXPECT_THAT(With(window, Piece(4, 0)).error().what, AllOf(HasSubstr("[1, 4]"), HasSubstr("[1, 5]")));
  EXPECT_THAT(With(window, Tensor::Make(DType::kF64, {1, 5})).error().what, HasSubstr("float64"));
  EXPECT_THAT(With(window, Tensor::Make(DType::kF32, {2, 5})).error().what, HasSubstr("batch axis of 1"));
  EXPECT_THAT(With(window, Tensor::Make(DType::kF32, {})).error().what, HasSubstr("batch axis of 1"));
  EXPECT_THAT(With(window, Tensor::Make(DType::kU4, {1, 5})).error().what, HasSubstr("uint4"));
  EXPECT_EQ(With(window, Piece(5, 9))->shape(), (Shape{1, 2, 5})) << "what was refused is not kept";
  window.Clear();
  EXPECT_EQ(With(window, Piece(4, 0))->shape(), (Shape{1, 1, 4})) << "another episode may have other shapes";
}

TEST(Window, HoldsPiecesWithoutElements) {
  SlidingWindow window(2);
  for (int step = 0; step < 6; ++step) {
    const auto view = With(window, Tensor::Make(DType::kF32, {1, 0, 4}));
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(view->shape(), (Shape{1, step == 0 ? 1 : 2, 0, 4}));
    window.Keep();
  }
}

}  // namespace
}  // namespace vlaq::runtime
