#include "target/target.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace vlaq::target {
namespace {

TEST(Target, IsFoundByName) {
  for (const Target& target : All()) {
    const auto found = Find(target.name);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ((*found)->name, target.name);
    EXPECT_LE(target.opset, target.newest_opset);
  }
  const auto unknown = Find("tensorrt-9");
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().ToString(), ::testing::HasSubstr("cpu, portable, tensorrt-8.6, tensorrt-10"));
}

TEST(Target, TensorRtTakesNeitherContribNorDynamicOperators) {
  for (const Target& target : All()) {
    if (!target.name.starts_with("tensorrt")) continue;
    EXPECT_FALSE(target.contrib_operators || target.dynamic_int8 || target.asymmetric_activations) << target.name;
    EXPECT_TRUE(target.dequantize_tables_first) << target.name;
  }
  EXPECT_TRUE((*Find("tensorrt-8.6"))->float_weights_before_quantize);
  EXPECT_FALSE((*Find("tensorrt-10"))->float_weights_before_quantize);
}

TEST(Rules, HaveIdsOfTheirOwnAndSources) {
  std::set<std::string_view> ids;
  for (const Rule& rule : Rules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_FALSE(rule.reason.empty() || rule.source.empty()) << rule.id;
    EXPECT_EQ(FindRule(rule.id), &rule);
  }
  EXPECT_EQ(FindRule("QP-99"), nullptr);
}

TEST(Rules, AreInTheManual) {
  std::ostringstream manual;
  manual << std::ifstream(VLAQ_TESTDATA "/../docs/quantisation.md").rdbuf();
  for (const Rule& rule : Rules()) {
    EXPECT_THAT(manual.str(), ::testing::HasSubstr(fmt::format("| {} | {} | {} |", rule.id, rule.reason, rule.source)));
  }
}

}  // namespace
}  // namespace vlaq::target
