// An id of a rule means one thing, stands in one place, and is cited nowhere without standing there.
#include "target/rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

namespace vlaq::target {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const fs::path& Root() {
  static const fs::path root = fs::path(VLAQ_TESTDATA).parent_path();
  return root;
}

std::string TextOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<const Rule*> AllRules() {
  std::vector<const Rule*> all;
  for (const Rule& rule : kReasons) all.push_back(&rule);
  for (const Rule& rule : kTensorRtRules) all.push_back(&rule);
  return all;
}

TEST(Rules, StandOnceWithOneMeaningEach) {
  std::map<std::string_view, std::string_view> meanings;  // meaning -> id, of one version
  std::set<std::string_view> ids;
  for (const Rule* rule : AllRules()) {
    EXPECT_TRUE(ids.insert(rule->id).second) << rule->id << " stands twice";
    EXPECT_TRUE(meanings.emplace(rule->meaning, rule->id).second)
        << rule->id << " means what " << meanings[rule->meaning] << " means";
    EXPECT_FALSE(rule->id.empty() || rule->meaning.empty() || rule->source.empty()) << rule->id;
    EXPECT_EQ(FindRule(rule->id), rule);
    if (rule->applies == nullptr) continue;
    EXPECT_FALSE(rule->fix.empty()) << rule->id;
    EXPECT_FALSE(AppliesText(rule->applies).empty()) << rule->id << " applies to no version";
  }
  EXPECT_EQ(FindRule("TRT-"), nullptr);
}

// What rules say of opsets in words is what the table of versions says.
TEST(Rules, SayTheNumbersOfTheVersions) {
  for (const TensorRt& version : TensorRtVersions()) {
    for (const RuleId rule : {RuleId("TRT-G01"), RuleId("TRT-G02"), RuleId("TRT-Q16a")}) {
      if (!rule->applies(version)) continue;
      const int64_t said = rule == RuleId("TRT-Q16a") ? version.takes.newest_opset : version.documented_opset;
      EXPECT_THAT(std::string(rule->meaning), HasSubstr(std::to_string(said))) << rule.id() << " " << version.name;
    }
  }
}

TEST(Rules, AreInTheManual) {
  const std::string manual = TextOf(Root() / "docs/quantization.md");
  for (const Rule& rule : kReasons) {
    EXPECT_THAT(manual, HasSubstr(fmt::format("| {} | {} | {} |", rule.id, rule.meaning, rule.source)));
  }
}

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsUpper(c) || IsLower(c) || IsDigit(c) || c == '_'; }

// Where ids of rules stand in a text: words like "TRT-Q08a" that begin as an id of the tables does.
std::vector<std::string_view> CitedIn(std::string_view text) {
  static const std::set<std::string_view> prefixes = [] {
    std::set<std::string_view> all;
    for (const Rule* rule : AllRules()) {
      const size_t end = rule->id.find('-');
      if (end != std::string_view::npos) all.insert(rule->id.substr(0, end));
    }
    return all;
  }();
  std::vector<std::string_view> ids;
  for (size_t dash = text.find('-'); dash != std::string_view::npos; dash = text.find('-', dash + 1)) {
    size_t begin = dash, end = dash + 1;
    while (begin > 0 && IsWord(text[begin - 1])) --begin;
    if (!prefixes.contains(text.substr(begin, dash - begin))) continue;
    if (end < text.size() && IsUpper(text[end])) ++end;
    const size_t digits = end;
    while (end < text.size() && IsDigit(text[end])) ++end;
    if (end == digits) continue;
    if (end < text.size() && IsLower(text[end])) ++end;
    if (end == text.size() || !IsWord(text[end])) ids.push_back(text.substr(begin, end - begin));
  }
  return ids;
}

TEST(Rules, AreCitedNowhereWithoutStandingInTheTable) {
  EXPECT_THAT(CitedIn("(TRT-Q08a), QP-06: not FP16-x, XTRT-Q01 or TRT-Q08ab"), ElementsAre("TRT-Q08a", "QP-06"));
  size_t citations = 0;
  for (const char* folder : {"src", "include", "tests", "docs", "examples", "benchmarks"}) {
    for (const auto& entry : fs::recursive_directory_iterator(Root() / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cc" && extension != ".md" && extension != ".py") continue;
      const std::string text = TextOf(entry.path());
      for (const std::string_view id : CitedIn(text)) {
        EXPECT_NE(FindRule(id), nullptr) << id << " in " << entry.path();
        ++citations;
      }
    }
  }
  EXPECT_GT(citations, 500U);
}

std::string WithoutComments(const std::string& code) {
  std::istringstream lines(code);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += line.substr(0, line.find("//")) + "\n";
  return text;
}

// In code an id is a RuleId, which does not compile where the table lacks it, and no part of another text.
TEST(Rules, AreNoBareStringsInCode) {
  for (const auto& entry : fs::recursive_directory_iterator(Root() / "src")) {
    const std::string name = entry.path().filename().string();
    const bool code = name.ends_with(".h") || name.ends_with(".cc");
    if (!code || name.ends_with("_test.cc") || entry.path().parent_path().filename() == "target") continue;
    const std::string text = WithoutComments(TextOf(entry.path()));
    for (const std::string_view id : CitedIn(text)) {
      const size_t at = static_cast<size_t>(id.data() - text.data());
      const bool alone = at > 0 && text[at - 1] == '"' && text[at + id.size()] == '"';
      EXPECT_TRUE(alone) << id << " within a text of " << entry.path();
    }
  }
}

}  // namespace
}  // namespace vlaq::target
