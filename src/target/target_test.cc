#include "target/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::target {
namespace {

using ::testing::HasSubstr;

TEST(Target, IsFoundByName) {
  for (const Target& target : All()) {
    const auto found = Find(target.name);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, &target);
    EXPECT_LE(target.opset, target.newest_opset);
  }
  const auto unknown = Find("tensorrt-9");
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().ToString(), HasSubstr("cpu, portable, tensorrt-8.6, tensorrt-10"));
}

TEST(Target, TensorRtTakesNeitherContribNorDynamicOperators) {
  for (const Target& target : All()) {
    EXPECT_EQ(target.IsTensorRt(), target.name.starts_with("tensorrt"));
    EXPECT_EQ(IsForTensorRt(target.name), target.IsTensorRt());
    if (!target.IsTensorRt()) continue;
    EXPECT_FALSE(target.contrib_operators || target.dynamic_int8 || target.asymmetric_activations) << target.name;
    EXPECT_TRUE(target.dequantize_tables_first) << target.name;
  }
  EXPECT_TRUE((*Find("tensorrt-8.6"))->float_weights_before_quantize);
  EXPECT_FALSE((*Find("tensorrt-10"))->float_weights_before_quantize);
}

TEST(Target, FitsItsVersions) {
  EXPECT_TRUE(FitsTarget("tensorrt-8.6", {8, 6, 2}));
  EXPECT_FALSE(FitsTarget("tensorrt-8.6", {10, 3, 0}));
  EXPECT_TRUE(FitsTarget("tensorrt-10", {9, 3, 0}));
  EXPECT_TRUE(FitsTarget("tensorrt-10", {10, 3, 0}));
  EXPECT_TRUE(FitsTarget("tensorrt-10", {11, 1, 0}));
  EXPECT_FALSE(FitsTarget("cpu", {10, 3, 0}));
  EXPECT_FALSE(FitsTarget("", {7, 0, 0}));
  EXPECT_EQ(TargetFor({8, 6, 1}), "tensorrt-8.6");
  EXPECT_EQ(TargetFor({7, 0, 0}), "");
  EXPECT_EQ(UsualTensorRt("tensorrt-8.6")->shipped, (Version{8, 6, 2}));
  EXPECT_EQ(UsualTensorRt("cpu"), nullptr);
  for (const Target& target : All()) {
    if (!target.IsTensorRt()) continue;
    const TensorRt* usual = UsualTensorRt(target.name);
    ASSERT_NE(usual, nullptr);
    EXPECT_EQ(usual->name, target.tensorrt);
    EXPECT_EQ(usual->target, target.name);
    EXPECT_TRUE(usual->importer_is_known) << "a bundle for it could not be checked";
  }
}

TEST(TensorRtVersions, AreFoundByNameAndPatch) {
  const TensorRt* before = nullptr;
  for (const TensorRt& row : TensorRtVersions()) {
    EXPECT_EQ(FindTensorRt(row.from), &row) << row.name;
    EXPECT_TRUE(before == nullptr || before->below == row.from) << "a gap before " << row.name;
    before = &row;
    EXPECT_EQ(FindImporter(row.name).ok(), row.importer_is_known) << row.name;
    EXPECT_GE(row.takes.newest_opset, row.takes.opset);
    EXPECT_GE(row.takes.newest_opset, row.documented_opset);
  }
  EXPECT_EQ((*FindImporter("8.6.2"))->name, "8.6");
  EXPECT_EQ((*FindImporter("10"))->name, "10.3");
  for (const char* unknown : {"", "1", "8.5", "8.61", "8.6.", "8.6.x", "10.30", "11.1"}) {
    const auto found = FindImporter(unknown);
    ASSERT_FALSE(found.ok()) << unknown;
    EXPECT_EQ(found.error().code, ErrorCode::kUsage);
    EXPECT_THAT(found.error().ToString(), HasSubstr("8.6, 10.0, 10.1, 10.3"));
  }
}

TEST(TensorRtVersions, AnOverrideReachesTheTargetAndEnds) {
  const Target* target = *Find("tensorrt-8.6");
  const Target* other = *Find("tensorrt-10");
  {
    const ScopedOverrideForTest change("8.6", [](TensorRt& version) { version.takes.newest_opset = 18; });
    EXPECT_EQ(target->newest_opset, 18);
    EXPECT_EQ(other->newest_opset, 21);
  }
  EXPECT_EQ(target->newest_opset, 17);
}

}  // namespace
}  // namespace vlaq::target
