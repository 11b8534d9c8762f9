// What is about machines; the rest of planning is tested on whole policies (tests/cli/plan_test.cc).
#include "planning/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::planning {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Machine, WithoutIntegerProductsIsWarnedOf) {
  Machine machine;
  machine.cpu = "Old One";
  EXPECT_EQ(LacksIntegerProducts(machine), "");  // nothing is known about it
  machine.features = {{"avx2", "float32 products", true},
                      {"avx_vnni", "INT8 products", false},
                      {"avx512_vnni", "INT8 products, twice as wide", false}};
  EXPECT_THAT(LacksIntegerProducts(machine), AllOf(HasSubstr("Old One"), HasSubstr("ORT-03")));
  machine.features[1].present = true;
  EXPECT_EQ(LacksIntegerProducts(machine), "");
}

TEST(Machine, ThisOneListsItsIntegerProducts) {
  const Machine machine = ThisMachine();
  if (machine.architecture != "x86_64" && machine.architecture != "aarch64") GTEST_SKIP() << machine.architecture;
  int listed = 0;
  for (const CpuFeature& feature : machine.features) listed += feature.purpose.starts_with("INT8 products") ? 1 : 0;
  EXPECT_GT(listed, 0);  // else LacksIntegerProducts could never warn
}

TEST(Precision, NamesGoBothWays) {
  for (const std::string& name : PrecisionNames()) {
    const auto found = FindPrecision(name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ(PrecisionName(*found), name);
  }
  EXPECT_FALSE(FindPrecision("int7"));
}

}  // namespace
}  // namespace vlaq::planning
