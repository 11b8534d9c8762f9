#include "report/compose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "base/testing.h"
#include "report/render.h"
#include "report/testing.h"

namespace vlaq::report {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Page PageOf(const std::vector<Document>& documents) {
  auto page = Compose(documents, "");
  EXPECT_TRUE(page.ok()) << page.error().ToString();
  return page.ok() ? *page : Page();
}

const Section* FindSection(const Page& page, const std::string& id) {
  for (const Section& section : page.sections) {
    if (section.id == id) return &section;
  }
  return nullptr;
}

// The figures of a section, in order.
std::vector<const Figure*> Figures(const Page& page, const std::string& id) {
  std::vector<const Figure*> figures;
  const Section* section = FindSection(page, id);
  if (section == nullptr) return figures;
  for (const Block& block : section->blocks) {
    if (const auto* figure = std::get_if<Figure>(&block)) figures.push_back(figure);
  }
  return figures;
}

TEST(ComposeTest, VerdictsComeFirstAndSettingsLast) {
  const Page page = PageOf(Examples());
  std::vector<std::string> ids;
  for (const Section& section : page.sections) ids.push_back(section.id);
  EXPECT_THAT(ids, ElementsAre("verdicts", "measurements", "latency", "timeline", "size", "layers", "episodes",
                               "directions", "rollouts", "settings"));
}

TEST(ComposeTest, VerdictsAreThoseOfTheDocuments) {
  const Page page = PageOf({ExampleReceipt(), ExampleResults()});
  const auto& table = std::get<Table>(page.sections.front().blocks.front());
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0][1].text, "verified, except for what is not testable");
  EXPECT_EQ(table.rows[0][1].mood, Mood::kWarning);
  EXPECT_EQ(table.rows[1][1].text, "UNSTABLE");
  EXPECT_THAT(table.rows[1][2].text, HasSubstr("drift: cool | it"));
  Json failed = *ExampleReceipt().json;
  failed["passed"] = false;
  failed["first_failure"] = "kernels";
  const Page bad = PageOf({Example("vlaq.verify/1", "receipt.json", failed.dump())});
  const auto& row = std::get<Table>(bad.sections.front().blocks.front()).rows.front();
  EXPECT_EQ(row[1].text, "NOT VERIFIED");
  EXPECT_EQ(row[1].mood, Mood::kBad);
  EXPECT_EQ(row[2].text, "first failure: kernels");
}

TEST(ComposeTest, ResultsBecomeATableAndPlots) {
  const Page page = PageOf({ExampleResults()});
  const auto& table = std::get<Table>(FindSection(page, "measurements")->blocks.front());
  EXPECT_THAT(table.header, ElementsAre("subject", "median", "mean", "p90", "steps/s", "times faster", "runs", "size",
                                        "own memory", "differs by", "missed", "verdict"));
  ASSERT_EQ(table.rows.size(), 1U);
  std::vector<std::string> row;
  for (const Cell& cell : table.rows.front()) row.push_back(cell.text);
  EXPECT_THAT(row, ElementsAre("one", "2 ms", "3 ms", "no claim from 3 runs", "300", "2.5 (2.25 to 2.75)", "3",
                               "5.00 MB", "1 B", "1.0e-02", "1 of 3", "UNSTABLE"));
  const auto timeline = Figures(page, "timeline");
  ASSERT_EQ(timeline.size(), 1U);
  const auto& curves = std::get<Curves>(timeline.front()->plot);
  EXPECT_EQ(curves.line, 400);
  ASSERT_EQ(curves.series.front().points.size(), 3U);
  EXPECT_FALSE(curves.series.front().points[1].marked);
  EXPECT_TRUE(curves.series.front().points[2].marked) << "500 ms missed a frame every 400 ms";
  const auto latency = Figures(page, "latency");
  ASSERT_EQ(latency.size(), 4U) << "distribution, ratios, roofline, sweep";
  const auto& distribution = std::get<Curves>(latency[0]->plot);
  EXPECT_TRUE(distribution.logarithmic_x) << "1 to 500 ms";
  EXPECT_DOUBLE_EQ(distribution.series.front().points.back().y, 100);
  EXPECT_DOUBLE_EQ(std::get<Bars>(latency[1]->plot).bars.front().interval->low, 2.25);
}

std::vector<std::vector<std::string>> Texts(const Table& table) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : table.rows) {
    rows.emplace_back();
    for (const Cell& cell : row) rows.back().push_back(cell.text);
  }
  return rows;
}

TEST(ComposeTest, PercentilesAreShownWhereTheyMayBeClaimed) {
  Json json = *ExampleResults().json;
  json["subjects"][0]["summary"]["percentiles"][1]["safe_ns"] = 6e6;
  const Page page = PageOf({Example("vlaq.results/1", "results.json", json.dump())});
  EXPECT_EQ(std::get<Table>(FindSection(page, "measurements")->blocks.front()).rows[0][3].text, "5 ms (at most 6 ms)");
}

// An even number of steps: the median lies between two, in the table of distributions as in the document.
TEST(ComposeTest, APageHasOneMedian) {
  Json json = *ExampleResults().json;
  json["subjects"][0]["samples"] = {{"start_ns", {0, 1, 2, 3}}, {"wall_ns", {1e6, 2e6, 4e6, 9e6}}};
  json["subjects"][0]["summary"]["median_ns"] = 3e6;
  const Page page = PageOf({Example("vlaq.results/1", "results.json", json.dump())});
  const Table& table = Figures(page, "latency")[0]->table;
  EXPECT_THAT(table.header, ElementsAre("subject", "least", "median", "middle half", "most", "runs"));
  EXPECT_THAT(Texts(table)[0], ElementsAre("one", "1 ms", "3 ms", "1.75 ms to 5.25 ms", "9 ms", "4"));
}

TEST(ComposeTest, WhatIsInvalidIsNotCalledFaster) {
  Json json = *ExampleResults().json;
  const auto verdict = [&json] {
    const Page page = PageOf({Example("vlaq.results/1", "results.json", json.dump())});
    return Texts(Figures(page, "latency")[1]->table)[0].back();
  };
  EXPECT_EQ(verdict(), "one faster");
  json["subjects"][0]["verdict"]["state"] = "INVALID";
  EXPECT_EQ(verdict(), "not judged: INVALID");
}

TEST(ComposeTest, SaysWhatRan) {
  Json json = *ExampleResults().json;
  json["subjects"][0].update({{"runs_on", "ONNX Runtime 9, cpu"},
                              {"precision", "int8"},
                              {"mode", "streaming"},
                              {"effective", {{"threads", 1}}},
                              {"parameters", 1708949309},
                              {"identity", 0.9995},
                              {"warm_up", {{"runs", 5}, {"ns", 2e9}}}});
  json["subjects"][0]["summary"].update({{"cpu_ns_per_run", 6e6}, {"energy_j_per_run", 4.5}});
  json["machine"]["readings"] = {{{"clock_mhz", 2000}, {"temperature_c", 40}, {"energy_j", 10}, {"throttles", 1}},
                                 {{"clock_mhz", 3000}, {"temperature_c", nullptr}, {"energy_j", 60}, {"throttles", 4}},
                                 {{"clock_mhz", 1500}, {"temperature_c", 71.5}, {"energy_j", 90}, {"throttles", 5}}};
  const Page page = PageOf({Example("vlaq.results/1", "results.json", json.dump())});
  const auto& ran = std::get<Table>(FindSection(page, "measurements")->blocks[2]);
  EXPECT_THAT(ran.header, ElementsAre("subject", "ran on", "precision", "mode", "threads", "CPU time a step",
                                      "processors busy", "energy a step", "parameters", "identity", "warm-up"));
  EXPECT_THAT(Texts(ran)[0], ElementsAre("one", "ONNX Runtime 9, cpu", "int8", "streaming", "1 of 2 asked for", "6 ms",
                                         "2", "4.5 J", "1,708,949,309", "99.95 %", "5 runs, 2,000 ms"));
  const std::string text = Markdown(page);
  EXPECT_THAT(text, AllOf(HasSubstr("2,000 MHz at the start, 1,500 to 3,000 in 3 readings"),
                          HasSubstr("40 degrees C at the start, 40 to 71.5 in 2 readings"),
                          HasSubstr("| energy of the run, J | 80 |"), HasSubstr("| times throttled, processor | 4 |")));
  // What a document does not say has no column, and without any there is no table.
  const Page without = PageOf({ExampleResults()});
  EXPECT_THAT(Markdown(without), ::testing::Not(HasSubstr("what ran")));
}

TEST(ComposeTest, ConfusionIsDrawnForTheNormalCondition) {
  const Page page = PageOf({ExampleOpenLoop()});
  const auto figures = Figures(page, "directions");
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_THAT(std::get<Matrix>(figures.front()->plot).values, ElementsAre(ElementsAre(10, 2), ElementsAre(1, 17)));
}

TEST(ComposeTest, TypesOfAPartAreStacked) {
  const Page page = PageOf({ExampleInspection()});
  const auto figures = Figures(page, "size");
  ASSERT_EQ(figures.size(), 1U);
  const auto& bars = std::get<Bars>(figures.front()->plot);
  EXPECT_THAT(bars.part_names, ElementsAre("int8", "float32"));
  ASSERT_EQ(bars.bars.size(), 1U);
  EXPECT_THAT(bars.bars.front().parts, ElementsAre(2, 1));
}

TEST(ComposeTest, ClaimsThatArithmeticRefutesAreBadVerdicts) {
  const Page page = PageOf({ExampleCost(), ExampleDevice()});
  const auto& verdicts = std::get<Table>(page.sections.front().blocks.front());
  ASSERT_EQ(verdicts.rows.size(), 2U);
  EXPECT_EQ(verdicts.rows[0][0].text, "mae0222 could be 44.0 MB");
  EXPECT_EQ(verdicts.rows[0][1].text, "impossible");
  EXPECT_EQ(verdicts.rows[0][1].mood, Mood::kBad);
  EXPECT_EQ(verdicts.rows[1][0].text, "mae0222 could be 700 frames/s");
  const Section* size = FindSection(page, "size");
  ASSERT_EQ(size->blocks.size(), 2U);
  EXPECT_EQ(std::get<Table>(size->blocks[1]).rows[0][1].text, "encoder + head");
  EXPECT_EQ(std::get<Table>(FindSection(page, "latency")->blocks[0]).rows[0][0].text, "15W (not confirmed), int8");
}

TEST(ComposeTest, TheWorstWeightStandsFirst) {
  const Page page = PageOf({ExampleQuantized()});
  const auto figures = Figures(page, "layers");
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_EQ(std::get<Bars>(figures.front()->plot).bars.front().label, "b");
}

TEST(ComposeTest, ADriveBringsThePictureBesideIt) {
  const TemporaryFolder folder;
  Document drive = ExampleDrive();
  drive.path = folder.path() / "drive.json";
  const auto missing = Compose({drive}, "");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kInput);
  EXPECT_THAT(missing.error().ToString(), AllOf(HasSubstr("files/camera"), HasSubstr("missing.png")));
  std::ofstream(folder.path() / "missing.png") << "picture";
  const Page page = PageOf({drive});
  const auto& blocks = FindSection(page, "rollouts")->blocks;
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(std::get<Picture>(blocks[1]).png, "picture");
  EXPECT_TRUE(std::get<Floor>(std::get<Figure>(blocks[0]).plot).path[1].lost);
}

TEST(ComposeTest, AnUnknownKindIsRefusedWithWhatIsKnown) {
  const auto page = Compose({Example("vlaq.plan/1", "plan.json", "{}")}, "");
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().code, ErrorCode::kInput);
  EXPECT_THAT(page.error().ToString(),
              AllOf(HasSubstr("plan.json"), HasSubstr("cannot show 'vlaq.plan/1'"), HasSubstr("vlaq.results/1")));
}

// Calls `change` on a copy of the document for each value in it, leaves and all.
void ForEachValue(const Json& json, const std::function<void(const Json::json_pointer&)>& change,
                  const Json::json_pointer& at = Json::json_pointer()) {
  if (!at.empty()) change(at);
  const Json& value = json.at(at);
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) ForEachValue(json, change, at / key);
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) ForEachValue(json, change, at / i);
  }
}

// Whatever is missing or of another type, a page comes out or an error that names the file; nothing else.
TEST(ComposeTest, DamagedDocumentsAreRefusedOrShown) {
  int refused = 0;
  int shown = 0;
  const std::vector<Json> replacements{
      nullptr, "text", -1.5, 1e300, Json::array(), Json::object(), Json::array({1, "x"})};
  for (const Document& good : Examples()) {
    const auto attempt = [&](const Json& json) {
      const Document document{good.path, good.kind, std::make_shared<const Json>(json)};
      const auto page = Compose({document}, "");
      if (page.ok()) {
        ++shown;
        EXPECT_THAT(Html(*page), HasSubstr("</html>"));
        return;
      }
      ++refused;
      EXPECT_EQ(page.error().code, ErrorCode::kInput) << page.error().ToString();
      EXPECT_THAT(page.error().where, HasSubstr(good.path.string()));
    };
    ForEachValue(*good.json, [&](const Json::json_pointer& at) {
      for (const Json& replacement : replacements) {
        Json json = *good.json;
        json[at] = replacement;
        attempt(json);
      }
      Json json = *good.json;
      if (json[at.parent_pointer()].is_object()) {
        json[at.parent_pointer()].erase(at.back());
        attempt(json);
      }
    });
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(shown, 100);
}

TEST(ReadDocumentTest, NeedsASchema) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.json";
  std::ofstream(path) << R"({"schema": "vlaq.eval/1", "mode": "open_loop"})";
  EXPECT_EQ(ReadDocument(path)->kind, "vlaq.eval/1 open_loop");
  for (const char* text : {"{}", "[]", "{\"schema\": 1}", "not json", ""}) {
    std::ofstream(path) << text;
    const auto document = ReadDocument(path);
    ASSERT_FALSE(document.ok()) << text;
    EXPECT_EQ(document.error().code, ErrorCode::kInput);
    EXPECT_THAT(document.error().ToString(), HasSubstr("x.json"));
  }
}

}  // namespace
}  // namespace vlaq::report
