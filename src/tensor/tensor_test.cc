#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "tensor/difference.h"
#include "tensor/layout.h"

namespace vlaq {
namespace {

TEST(DType, NamesAreUniqueAndFound) {
  for (int i = 0; i <= static_cast<int>(DType::kC128); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(FindDType(DTypeName(dtype)), dtype);
  }
  EXPECT_EQ(FindDType("float33"), std::nullopt);
}

TEST(Shape, CountsAreOverflowChecked) {
  EXPECT_EQ(ElementCount(Shape{}), 1);
  EXPECT_EQ(ElementCount(Shape{2, 0, 3}), 0);
  EXPECT_EQ(ElementCount(Shape{-1}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{int64_t{1} << 40, int64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(ElementCount(Shape{0, int64_t{1} << 40, int64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(ByteCount(DType::kF32, Shape{int64_t{1} << 61}), std::nullopt);
  EXPECT_EQ(ByteCount(DType::kF4E2M1FN, Shape{3}), std::nullopt);
  EXPECT_EQ(ByteCount(DType::kF4E2M1FN, Shape{4}), 2U);
  EXPECT_EQ(ByteCount(DType::kI4, Shape{3}), 2U);
  EXPECT_EQ(ByteCount(DType::kU4, Shape{0}), 0U);
  EXPECT_EQ(RowMajorStrides(Shape{2, 3, 4}), (Shape{12, 4, 1}));
  EXPECT_EQ(ShapeText(Shape{2, 3}), "[2, 3]");
}

TEST(Tensor, MakeIsZeroedAndAligned) {
  Tensor t = Tensor::Make(DType::kF32, {3, 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.bytes().data()) % 64, 0U);
  for (const float x : t.data<float>()) EXPECT_EQ(x, 0.0F);
  t.mutable_data<float>()[4] = 2.0F;
  EXPECT_EQ(t.Reshaped({15}).data<float>()[4], 2.0F);
}

TEST(Tensor, RowsAndAssignedViewsShareTheBytes) {
  std::weak_ptr<const void> alive;
  Tensor view;
  {
    const Tensor t = Tensor::From<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
    alive = t.owner();
    const Tensor row = t.Row(1);
    EXPECT_EQ(row.shape(), (Shape{3}));
    EXPECT_EQ(row.bytes().data(), t.bytes().data() + 12);
    EXPECT_EQ(row.data<float>()[2], 6.0F);
    view.Assign(t.dtype(), std::vector<int64_t>{1, 2}, t.bytes().subspan(8, 8), t.owner());
  }
  EXPECT_EQ(view.shape(), (Shape{1, 2}));
  EXPECT_EQ(view.size(), 2);
  EXPECT_EQ(view.data<float>()[0], 3.0F);
  EXPECT_FALSE(alive.expired()) << "the view keeps them";
  view = Tensor();
  EXPECT_TRUE(alive.expired());
}

TEST(Layout, TransposeAgreesWithTheObviousTwin) {
  Random random(1);
  for (const size_t item : {size_t{1}, size_t{2}, size_t{4}, size_t{8}}) {
    const auto rows = static_cast<int64_t>(random.Below(70) + 1);
    const auto columns = static_cast<int64_t>(random.Below(70) + 1);
    std::vector<std::byte> in(static_cast<size_t>(rows * columns) * item);
    for (auto& b : in) b = static_cast<std::byte>(random.Below(256));
    std::vector<std::byte> out(in.size());
    Transpose(in, rows, columns, item, out);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        for (size_t k = 0; k < item; ++k) {
          ASSERT_EQ(out[static_cast<size_t>(c * rows + r) * item + k],
                    in[static_cast<size_t>(r * columns + c) * item + k]);
        }
      }
    }
  }
}

TEST(Layout, PackAgreesWithTheObviousTwin) {
  std::vector<float> storage(1000);
  std::iota(storage.begin(), storage.end(), 0.0F);
  struct Case {
    Shape shape, strides;
    int64_t offset;
  };
  const std::vector<Case> cases{{{2, 3, 4}, {1, 2, 6}, 5},    {{4, 3}, {3, 1}, 0}, {{3, 4}, {1, 3}, 7}, {{}, {}, 9},
                                {{2, 1, 3}, {50, 999, 1}, 1}, {{3, 2}, {0, 1}, 2}, {{5}, {7}, 3}};
  for (const auto& c : cases) {
    std::vector<float> expected;
    std::vector<int64_t> index(c.shape.size(), 0);
    for (int64_t n = 0; n < *ElementCount(c.shape); ++n) {
      int64_t rest = n;
      int64_t at = c.offset;
      for (size_t axis = c.shape.size(); axis-- > 0;) {
        at += rest % c.shape[axis] * c.strides[axis];
        rest /= c.shape[axis];
      }
      expected.push_back(storage[static_cast<size_t>(at)]);
    }
    std::vector<float> actual(expected.size());
    Pack(std::as_bytes(std::span(storage)), {c.shape, c.strides, c.offset}, 4,
         std::as_writable_bytes(std::span(actual)));
    EXPECT_EQ(actual, expected) << ShapeText(c.shape);
  }
}

TEST(Difference, MetricsOfASmallExample) {
  const std::vector<float> reference{1, -2, 4, 0.5F};
  const std::vector<float> actual{1, 2, 4, 0};
  Difference d;
  d.Add(reference, actual);
  EXPECT_DOUBLE_EQ(d.max_absolute(), 4);
  EXPECT_EQ(d.worst_index(), 1);
  EXPECT_DOUBLE_EQ(d.relative(), 1);
  EXPECT_EQ(d.sign_flips(), 1);
  EXPECT_EQ(d.rounded_to_zero(), 1);
  EXPECT_DOUBLE_EQ(d.mean_absolute(), 4.5 / 4);
  Difference halves;
  Difference second;
  halves.Add(std::span(reference).first(1), std::span(actual).first(1));
  second.Add(std::span(reference).subspan(1), std::span(actual).subspan(1));
  halves.Merge(second);
  EXPECT_EQ(halves.worst_index(), 1);
  EXPECT_DOUBLE_EQ(halves.root_mean_square(), d.root_mean_square());
  EXPECT_DOUBLE_EQ(halves.cosine(), d.cosine());
  EXPECT_DOUBLE_EQ(Difference(d.sums()).signal_to_noise_db(), d.signal_to_noise_db());
}

TEST(Difference, NaNNeverPasses) {
  Difference d;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  d.Add(std::vector<float>{1}, std::vector<float>{nan});
  EXPECT_TRUE(std::isinf(d.max_absolute()));
  Difference same;
  same.Add(std::vector<float>{nan}, std::vector<float>{nan});
  EXPECT_EQ(same.max_absolute(), 0);
}

TEST(Difference, ShapesMustAgree) {
  EXPECT_FALSE(Compare(Tensor::Make(DType::kF32, {2, 3}), Tensor::Make(DType::kF32, {3, 2})).ok());
}

}  // namespace
}  // namespace vlaq
