#include "families/weights.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/testing.h"
#include "families/family.h"
#include "families/kosmos2_lstm/testing.h"
#include "families/kosmos2_lstm/transforms.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::FindStoredPrecision;
using families::kCopy;
using families::kTranspose;
using families::PlacedWeight;
using families::StoredPrecision;
using families::StoredPrecisionName;
using families::Transform;
using families::WeightRecipe;
using families::WeightTable;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::RandomTensor;
using testing::TinyPolicy;

class WeightsTest : public ::testing::Test {
 protected:
  // A checkpoint that holds these tensors.
  void Hold(const std::map<std::string, Tensor>& tensors) {
    testing::WriteSafetensors(folder_.path() / "t.safetensors", tensors);
    const auto opened = checkpoint::Checkpoint::Open(folder_.path() / "t.safetensors");
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    checkpoint_ = *opened;
    for (const auto& [name, tensor] : tensors) names_[name] = name;
  }
  // The bytes of a recipe.
  Result<std::string> Carry(const WeightRecipe& recipe) const {
    std::string bytes;
    VLAQ_RETURN_IF_ERROR(StreamWeight(recipe, *checkpoint_, [&](Bytes piece) -> Status {
      bytes += AsText(piece);
      return {};
    }));
    return bytes;
  }
  // One weight placed and carried out, as float32 values.
  std::vector<float> Values(const Transform& transform, const std::vector<std::string>& sources,
                            StoredPrecision precision = StoredPrecision::kFp32) {
    WeightTable table(*checkpoint_, names_, precision);
    const auto placed = table.Place("w", transform, sources);
    EXPECT_TRUE(placed.ok()) << placed.error().ToString();
    recipe_ = (*placed)->recipe;
    const auto bytes = Carry(recipe_);
    EXPECT_TRUE(bytes.ok()) << bytes.error().ToString();
    EXPECT_EQ(bytes->size(), (*placed)->length);
    const Tensor stored = Tensor::View(recipe_.dtype, recipe_.shape, AsBytes(*bytes), nullptr);
    const Tensor wide = *ToFloat32(stored);
    return {wide.data<float>().begin(), wide.data<float>().end()};
  }

  TemporaryFolder folder_;
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint_;
  std::map<std::string, std::string> names_;
  WeightRecipe recipe_;
};

std::vector<float> ValuesOf(const Tensor& tensor) { return {tensor.data<float>().begin(), tensor.data<float>().end()}; }

// The same values as another type.
Tensor As(DType dtype, const Tensor& tensor) {
  Tensor out = Tensor::Make(dtype, tensor.shape());
  Convert(tensor.dtype(), tensor.bytes(), dtype, out.mutable_bytes());
  return out;
}

TEST_F(WeightsTest, CopyAndTranspose) {
  const Tensor matrix = RandomTensor({3, 5}, 1, 1);
  Hold({{"m", matrix}});
  EXPECT_EQ(Values(kCopy, {"m"}), ValuesOf(matrix));
  EXPECT_EQ(recipe_.shape, (Shape{3, 5}));
  const std::vector<float> turned = Values(kTranspose, {"m"});
  EXPECT_EQ(recipe_.shape, (Shape{5, 3}));
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 5; ++column) {
      EXPECT_EQ(turned[column * 3 + row], matrix.data<float>()[row * 5 + column]);
    }
  }
}

TEST_F(WeightsTest, GatesInOnnxOrder) {
  // Rows named after their gate: torch stacks i f g o, the operator wants i o f c.
  const std::vector<float> torch{10, 11, 20, 21, 30, 31, 40, 41};  // hidden 2, one column: i, f, g, o
  Hold({{"w", Tensor::From<float>({8, 1}, torch)},
        {"b1", Tensor::From<float>({8}, torch)},
        {"b2", RandomTensor({8}, 1, 1)}});
  EXPECT_EQ(Values(kLstmGates, {"w"}), (std::vector<float>{10, 11, 40, 41, 20, 21, 30, 31}));
  EXPECT_EQ(recipe_.shape, (Shape{1, 8, 1}));
  const std::vector<float> both = Values(kLstmBias, {"b1", "b2"});
  EXPECT_EQ(recipe_.shape, (Shape{1, 16}));
  EXPECT_EQ(std::vector<float>(both.begin(), both.begin() + 8), (std::vector<float>{10, 11, 40, 41, 20, 21, 30, 31}));
  const std::vector<size_t> order{0, 1, 6, 7, 2, 3, 4, 5};
  const std::vector<float> second = ValuesOf(*ToFloat32(checkpoint_->Read(*checkpoint_->Find("b2"))));
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(both[8 + i], second[order[i]]);
}

TEST_F(WeightsTest, LargeWeightsComeInPiecesAndWhole) {
  const Tensor large = RandomTensor({3, 700'001}, 2, 1);  // two pieces, the second one odd
  Hold({{"large", large}});
  EXPECT_EQ(Values(kCopy, {"large"}), ValuesOf(large));
  const std::vector<float> half = Values(kCopy, {"large"}, StoredPrecision::kFp16);
  EXPECT_EQ(half, ValuesOf(*ToFloat32(As(DType::kF16, large))));
}

TEST_F(WeightsTest, PositionTableOfTheSpecification) {
  Hold({{"x", RandomTensor({1}, 1, 1)}});
  const auto bytes = Carry({"p", &kPositions, {}, DType::kF32, {72, 2048}});
  ASSERT_TRUE(bytes.ok());
  const auto* table = reinterpret_cast<const float*>(bytes->data());
  const auto at = [&](int64_t p, int64_t column) { return static_cast<double>(table[p * 2048 + column]); };
  struct Row {
    int64_t p;
    std::array<double, 3> sines, cosines;  // columns 0, 1, 1023
  };
  // docs/kosmos2_lstm.md 9. Transformers computes angles in float32, which is exact here to about p x 6e-8.
  for (const Row& row :
       {Row{2, {0.9092974268, 0.9166106677, 0.0001999999987}, {-0.4161468365, -0.3997810447, 0.99999998}},
        Row{3, {0.1411200081, 0.1676852733, 0.0002999999955}, {-0.9899924966, -0.9858405800, 0.999999955}},
        Row{70, {0.7738906816, 0.2547233586, 0.0069999428}, {0.6333192031, 0.9670139661, 0.9999755001}}}) {
    const double near = 1e-7 * static_cast<double>(row.p);
    for (size_t k = 0; k < 3; ++k) {
      const int64_t column = std::array<int64_t, 3>{0, 1, 1023}[k];
      EXPECT_NEAR(at(row.p, column), row.sines[k], near) << row.p;
      EXPECT_NEAR(at(row.p, 1024 + column), row.cosines[k], near) << row.p;
    }
  }
  for (int64_t column = 0; column < 2048; ++column) EXPECT_EQ(at(1, column), 0);  // padding
  EXPECT_EQ(at(0, 0), 0);
  EXPECT_EQ(at(0, 1024), 1);
}

TEST_F(WeightsTest, AnOddWidthEndsInZeros) {
  Hold({{"x", RandomTensor({1}, 1, 1)}});
  const auto bytes = Carry({"p", &kPositions, {}, DType::kF32, {3, 7}});
  const auto* table = reinterpret_cast<const float*>(bytes->data());
  EXPECT_EQ(table[2 * 7 + 6], 0);
  EXPECT_NEAR(table[2 * 7 + 3], std::cos(2.0F), 1e-7);
}

TEST_F(WeightsTest, PrecisionDecidesTheStoredType) {
  const Tensor matrix = RandomTensor({4, 3}, 1, 1);
  const Tensor vector = RandomTensor({4}, 2, 1);
  Hold({{"m32", matrix},
        {"mb", As(DType::kBF16, matrix)},
        {"v32", vector},
        {"vb", As(DType::kBF16, vector)},
        {"mh", As(DType::kF16, matrix)}});
  const auto stored = [&](const std::string& name, StoredPrecision precision) {
    Values(kCopy, {name}, precision);
    return recipe_.dtype;
  };
  for (const std::string name : {"m32", "mb", "v32", "vb", "mh"}) {
    EXPECT_EQ(stored(name, StoredPrecision::kFp32), DType::kF32);
    EXPECT_EQ(stored(name, StoredPrecision::kFp16), name[0] == 'm' ? DType::kF16 : DType::kF32) << name;
    EXPECT_EQ(stored(name, StoredPrecision::kBf16AsStored), name[1] == 'b' ? DType::kBF16 : DType::kF32) << name;
  }
  // Bias vectors become a matrix for the operator, but stay vectors in what they are.
  Values(kLstmBias, {"v32", "v32"}, StoredPrecision::kFp16);
  EXPECT_EQ(recipe_.dtype, DType::kF32);
  // Widening is exact, whatever is stored.
  EXPECT_EQ(Values(kCopy, {"mb"}), Values(kCopy, {"mb"}, StoredPrecision::kBf16AsStored));
}

TEST_F(WeightsTest, Float16OverflowIsRefusedNamingTheTensor) {
  Tensor matrix = RandomTensor({2, 3}, 1, 1);
  matrix.mutable_data<float>()[4] = 70000;
  Hold({{"layer.weight", matrix}});
  WeightTable table(*checkpoint_, names_, StoredPrecision::kFp16);
  const auto bytes = Carry((*table.Place("w", kTranspose, {"layer.weight"}))->recipe);
  ASSERT_FALSE(bytes.ok());
  EXPECT_EQ(bytes.error().code, ErrorCode::kInput);
  EXPECT_THAT(bytes.error().ToString(),
              AllOf(HasSubstr("'layer.weight'"), HasSubstr("float16"), HasSubstr("--precision fp32")));
}

TEST_F(WeightsTest, PlacesAreAlignedInOrderOfFirstUseAndGivenOnce) {
  Hold({{"a", RandomTensor({3}, 1, 1)}, {"b", RandomTensor({5, 7}, 2, 1)}});
  WeightTable table(*checkpoint_, names_, StoredPrecision::kFp32);
  const PlacedWeight* b = *table.Place("b", kTranspose, {"b"});
  const PlacedWeight* a = *table.Place("a", kCopy, {"a"});
  const PlacedWeight* p = *table.PlaceComputed("p", kPositions, {4, 6});
  EXPECT_EQ(*table.Place("b", kTranspose, {"b"}), b);
  EXPECT_EQ(b->offset, 0U);
  EXPECT_EQ(a->offset, 192U);  // 140 bytes, rounded up to 64
  EXPECT_EQ(p->offset, 256U);
  EXPECT_EQ(table.file_bytes(), 256U + 96U);
  EXPECT_EQ(table.placed().size(), 3U);
}

TEST_F(WeightsTest, OneNameOneRecipe) {
  Hold({{"a", RandomTensor({4, 4}, 1, 1)}, {"b", RandomTensor({4, 4}, 2, 1)}});
  WeightTable table(*checkpoint_, names_, StoredPrecision::kFp32);
  ASSERT_TRUE(table.Place("w", kCopy, {"a"}).ok());
  EXPECT_EQ(table.Place("w", kTranspose, {"a"}).error().code, ErrorCode::kInternal);
  EXPECT_EQ(table.Place("w", kCopy, {"b"}).error().code, ErrorCode::kInternal);
}

// A family that recognizes more than it can build is no bug that a user could report without his checkpoint.
TEST_F(WeightsTest, WhatTheCheckpointLacksOrHasOtherwiseIsBadInput) {
  Hold({{"a", RandomTensor({4, 4}, 1, 1)}, {"b", RandomTensor({4, 4}, 2, 1)}});
  WeightTable table(*checkpoint_, names_, StoredPrecision::kFp32);
  const Error lacking = table.Place("x", kCopy, {"nothing"}).error();
  EXPECT_EQ(lacking.code, ErrorCode::kInput);
  EXPECT_THAT(lacking.ToString(), HasSubstr("tensor 'nothing': is needed for the graphs"));
  const Error no_vectors = table.Place("y", kLstmBias, {"a", "b"}).error();
  EXPECT_EQ(no_vectors.code, ErrorCode::kInput);
  EXPECT_THAT(no_vectors.ToString(), HasSubstr("tensor 'a': has the shape [4, 4]"));
}

TEST_F(WeightsTest, BiasesOfDifferentTypesAreRefused) {
  const Tensor bias = RandomTensor({8}, 1, 1);
  Hold({{"a", bias}, {"b", As(DType::kF16, bias)}});
  WeightTable table(*checkpoint_, names_, StoredPrecision::kFp32);
  EXPECT_THAT(table.Place("w", kLstmBias, {"a", "b"}).error().ToString(), AllOf(HasSubstr("'b'"), HasSubstr("'a'")));
}

TEST_F(WeightsTest, NamesSurviveTheRoundTrip) {
  for (const StoredPrecision p : {StoredPrecision::kFp32, StoredPrecision::kFp16, StoredPrecision::kBf16AsStored}) {
    EXPECT_EQ(FindStoredPrecision(StoredPrecisionName(p)), p);
  }
  EXPECT_FALSE(FindStoredPrecision("int8"));
}

// A tensor with NaN in it ends the export, whatever becomes of it.
TEST_F(WeightsTest, NonFiniteValuesStopWithTensorElementAndCount) {
  Tensor matrix = RandomTensor({8, 4}, 1, 1);
  matrix.mutable_data<float>()[5] = NAN;
  matrix.mutable_data<float>()[7] = INFINITY;
  Tensor bias = RandomTensor({8}, 2, 1);
  bias.mutable_data<float>()[6] = -INFINITY;
  Hold({{"m", matrix}, {"half", As(DType::kF16, matrix)}, {"b", bias}, {"fine", RandomTensor({8}, 3, 1)}});
  const auto refused = [&](const Transform& transform, const std::vector<std::string>& sources) {
    WeightTable table(*checkpoint_, names_, StoredPrecision::kFp32);
    const auto bytes = Carry((*table.Place("w", transform, sources))->recipe);
    EXPECT_FALSE(bytes.ok());
    if (bytes.ok()) return std::string();
    EXPECT_EQ(bytes.error().code, ErrorCode::kInput);
    return bytes.error().ToString();
  };
  for (const Transform* transform : {&kCopy, &kTranspose, &kLstmGates}) {
    EXPECT_THAT(refused(*transform, {"m"}),
                HasSubstr("tensor 'm': element 5 is nan (2 of 32 values are not finite); the training diverged"));
  }
  EXPECT_THAT(refused(kCopy, {"half"}), HasSubstr("tensor 'half': element 5 is nan (2 of 32"));
  EXPECT_THAT(refused(kLstmBias, {"fine", "b"}), HasSubstr("tensor 'b': element 6 is -inf (1 of 8 values is"));
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
