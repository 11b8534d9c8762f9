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
  EXPECT_THAT(ids, ElementsAre("summary", "verdicts", "measurements", "latency", "timeline", "size", "layers",
                               "episodes", "directions", "rollouts", "settings"));
}

// The first table of the section of verdicts.
const Table& Verdicts(const Page& page) { return std::get<Table>(FindSection(page, "verdicts")->blocks.front()); }

Page PageOfReceipt(const std::function<void(Json&)>& edit) {
  Json json = *ExampleReceipt().json;
  edit(json);
  return PageOf({Example("vlaq.verify/2", "receipt.json", json.dump())});
}

TEST(ComposeTest, VerdictsAreThoseOfTheDocuments) {
  const Page page = PageOf({ExampleReceipt(), ExampleResults()});
  const Table& table = Verdicts(page);
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0][0].text, "mae0222 is the policy (receipt.json)") << "a name, not a path";
  EXPECT_EQ(table.rows[0][1].text, "verified, except drives");
  EXPECT_EQ(table.rows[0][1].mood, Severity::kWarning);
  EXPECT_EQ(table.rows[1][1].text, "UNSTABLE");
  EXPECT_THAT(table.rows[1][2].text, HasSubstr("drift: cool | it"));
  const Page bad = PageOfReceipt([](Json& json) {
    json["passed"] = false;
    json["checks"][1]["passed"] = false;
  });
  const auto& row = Verdicts(bad).rows.front();
  EXPECT_EQ(row[1].text, "NOT VERIFIED");
  EXPECT_EQ(row[1].mood, Severity::kBad);
  EXPECT_EQ(row[2].text, "first failure: kernels: int8");
}

TEST(ComposeTest, TheTitleIsTheVerdict) {
  EXPECT_EQ(PageOf({ExampleReceipt()}).title, "Verified, except drives: mae0222");
  const auto failed = [](Json& json) {
    json["passed"] = false;
    json["checks"][1]["passed"] = false;
  };
  const Page bad = PageOfReceipt(failed);
  EXPECT_EQ(bad.title, "NOT VERIFIED: mae0222");
  EXPECT_EQ(bad.headline.mood, Severity::kBad);
  EXPECT_THAT(bad.headline.text, HasSubstr("first failure: kernels"));
  EXPECT_EQ(PageOfReceipt([](Json& json) { json["checks"] = Json::array(); }).title,
            "Inconsistent receipt, not verified: mae0222");
  EXPECT_EQ(PageOfReceipt([](Json& json) { json["against"] = ""; }).title, "Intact, not verified: mae0222");
  // One that fails is not outvoted, and neither is it by a measurement.
  Json json = *ExampleReceipt().json;
  failed(json);
  json["bundle"] = "other";
  json["evidence"]["bundle"]["sha256"] = "aa";
  const Document other = Example("vlaq.verify/2", "other.json", json.dump());
  EXPECT_EQ(PageOf({ExampleReceipt(), other, ExampleReceipt(), ExampleResults()}).title, "NOT VERIFIED: other");
  // A title of one's own leaves the verdict in the first line.
  const Page named = *Compose({other}, "Mine");
  EXPECT_EQ(named.title, "Mine");
  EXPECT_THAT(named.headline.text, ::testing::StartsWith("NOT VERIFIED: other. "));
}

// Without a receipt the number that matters most is the title.
TEST(ComposeTest, ReportsWithoutReceiptsHaveAHeadlineToo) {
  EXPECT_EQ(PageOf({ExampleSimulation()}).title, "19 of 20 episodes succeed: mae0222");
  EXPECT_EQ(PageOf({ExampleOpenLoop()}).title, "Error 0.0600 m/s on recorded episodes: mae0222");
  EXPECT_EQ(PageOf({ExampleOpenLoop(), ExampleSimulation()}).title, "19 of 20 episodes succeed: mae0222");
  Json json = *ExampleResults().json;
  json["settings"]["protocol"] = "serving";
  const auto results = [&json] { return Example("vlaq.results/1", "results.json", json.dump()); };
  EXPECT_EQ(PageOf({results()}).title, "2.5 times as fast as zero: one");
  json["subjects"][0]["verdict"]["state"] = "INVALID";
  EXPECT_EQ(PageOf({results()}).title, "Measured, but INVALID: one");
  EXPECT_EQ(PageOf({ExampleResults()}).title, "Missed 1 of 3 frames, UNSTABLE: one") << "in the control period";
  EXPECT_EQ(PageOf({ExamplePlan()}).title, "Report of plan.json");
}

const Cards& CardsOf(const Page& page) { return std::get<Cards>(FindSection(page, "summary")->blocks.front()); }

std::string FactOf(const Card& card, const std::string& name) {
  for (const auto& [what, cell] : card.facts) {
    if (what == name) return cell.text;
  }
  return "";
}

// A receipt, a measurement and evaluations know each other's policy by its hashes, whatever the files are called.
TEST(ComposeTest, ErrorsAreInTheUnitsOfTheActions) {
  const auto with = [](const char* axes) {
    Json json = *ExampleOpenLoop().json;
    for (Json& condition : json["policy"]["ablations"]) {
      condition["summary"].erase("direction_agreement");
      condition["summary"].erase("direction_confusion");
      condition["summary"]["axes"] = Json::parse(axes);
    }
    json.erase("directions");
    return PageOf({Example("vlaq.eval/2 open_loop", "open_loop.json", json.dump())}).title;
  };
  EXPECT_EQ(with(R"({"hip": {"mae": 1, "unit": "rad"}, "knee": {"mae": 1, "unit": "rad"}})"),
            "Error 0.0600 rad on recorded episodes: mae0222");
  EXPECT_EQ(with(R"({"hip": {"mae": 1}})"), "Error 0.0600 in the policy's own units on recorded episodes: mae0222");
}

TEST(ComposeTest, ACardSaysWhatAllDocumentsKnowOfAPolicy) {
  Json receipt = *ExampleReceipt().json;
  receipt["evidence"]["bundle"]["sha256"] = "01";
  receipt["evidence"]["bundle"]["weights"] = {{"file", "weights.bin"}, {"sha256", "cd"}};
  const auto add = [&receipt](int stage, const char* name, Json figures) {
    receipt["checks"].push_back(
        {{"stage", stage}, {"name", name}, {"passed", true}, {"detail", ""}, {"figures", std::move(figures)}});
  };
  add(2, "bytes", {{"bytes_int8", 1.5e6}, {"bytes_float32", 0.25e6}, {"of_source", 0.31}});
  add(1, "actions against the source", {{"max_absolute", 0.0044}, {"limit", 0.1}});
  add(3, "recorded actions", {{"mae", 0.05}, {"mae_raw", 0.03}});
  add(3, "reference actions", {{"mae_difference", 0.01}, {"reference_mae", 0.04}});
  add(5, "success", {{"success", 0.95}, {"episodes", 20}});
  add(5, "reference success", {{"reference_success", 1.0}});
  Json results = *ExampleResults().json;
  results["settings"]["protocol"] = "serving";
  results["made"]["time_utc"] = "2026-11-29T01:02:03Z";
  results["subjects"].push_back(results["subjects"][0]);
  results["subjects"][0]["files"][0]["sha256"] = "99";
  results["subjects"][0]["name"] = "onnx";
  results["subjects"][0]["path"] = "/tmp/x/policy";
  results["subjects"][1]["path"] = "/elsewhere/again";
  results["subjects"][1]["mode"] = "streaming";
  results["subjects"][1]["verdict"]["state"] = "VALID";
  results["comparisons"][0]["first"] = "onnx";
  // In whatever order they are given.
  const Page page = PageOf({ExampleOpenLoop(), Example("vlaq.results/1", "results.json", results.dump()),
                            Example("vlaq.verify/2", "receipt.json", receipt.dump())});
  const auto& cards = CardsOf(page).list;
  ASSERT_EQ(cards.size(), 2U);
  const Card& card = cards[0];
  EXPECT_EQ(card.name, "mae0222");
  EXPECT_EQ(card.verdict.text, "verified, except drives");
  EXPECT_EQ(FactOf(card, "size"), "1.75 MB, 31 % of its source");
  EXPECT_EQ(FactOf(card, "time"), "2 ms a step (one): 2.5 (2.25 to 2.75) times as fast as onnx");
  EXPECT_EQ(FactOf(card, "error"), "0.0300 m/s (+0.0060 m/s to its source)");
  for (Json& check : receipt["checks"]) {
    if (check["name"] == "reference actions") check["figures"]["mae_difference"] = -1e-6;
  }
  const Page same = PageOf({Example("vlaq.verify/2", "receipt.json", receipt.dump())});
  EXPECT_EQ(FactOf(CardsOf(same).list[0], "error"), "0.0300 m/s (< 0.0001 m/s to its source)");
  EXPECT_EQ(FactOf(card, "actions"), "differ from its source's by 0.0044 at most");
  EXPECT_EQ(FactOf(card, "success"), "20 of 20 → 19 of 20");
  EXPECT_EQ(FactOf(card, "arithmetic"), "int8 90 %");
  EXPECT_EQ(FactOf(card, "measured"), "A <CPU>, 2 threads, 2026-11-29 01:02 UTC");
  EXPECT_EQ(cards[1].name, "policy");
  EXPECT_EQ(cards[1].verdict.text, "not verified: no receipt");
  EXPECT_EQ(FactOf(cards[1], "time"), "2 ms a step (onnx), UNSTABLE");
  const auto& beside = std::get<Table>(FindSection(page, "summary")->blocks[1]);
  EXPECT_THAT(beside.header, ElementsAre("policy", "verdict", "size", "actions differ by", "error", "its change",
                                         "fastest step", "times faster", "success", "arithmetic"));
  ASSERT_EQ(beside.rows.size(), 2U);
  EXPECT_EQ(beside.rows[0][6].text, "2 ms");
  EXPECT_EQ(beside.rows[0][7].text, "2.5");
  EXPECT_EQ(beside.rows[1][8].text, "-");
  // The measurement that it is held against is INVALID: no ratio.
  results["subjects"][0]["verdict"]["state"] = "INVALID";
  const Page invalid = PageOf({Example("vlaq.results/1", "results.json", results.dump())});
  EXPECT_EQ(FactOf(CardsOf(invalid).list[1], "time"), "2 ms a step (one): not judged: INVALID");
}

// The same name and other hashes are another policy.
TEST(ComposeTest, TwoPoliciesOfOneNameStayTwo) {
  Json json = *ExampleReceipt().json;
  json["bundle"] = "/tmp/y/mae0222";
  json["evidence"]["bundle"]["sha256"] = "aa";
  const Page page = PageOf({ExampleReceipt(), Example("vlaq.verify/2", "b.json", json.dump())});
  const auto& cards = CardsOf(page).list;
  ASSERT_EQ(cards.size(), 2U);
  EXPECT_EQ(cards[0].name, "mae0222");
  EXPECT_EQ(cards[1].name, "/tmp/y/mae0222");
}

TEST(ComposeTest, QuestionsAreAnswered) {
  Json receipt = *ExampleReceipt().json;
  receipt["checks"].push_back(
      {{"stage", 0}, {"name", "weights"}, {"passed", true}, {"detail", ""}, {"figures", Json::object()}});
  Json open_loop = *ExampleOpenLoop().json;
  Json results = *ExampleResults().json;
  results["settings"]["protocol"] = "serving";
  const Page page = PageOf({Example("vlaq.results/1", "results.json", results.dump()), ExampleSimulation(),
                            ExampleOpenLoop(), Example("vlaq.verify/2", "receipt.json", receipt.dump())});
  const std::string text = SummaryText(page);
  EXPECT_THAT(text, AllOf(HasSubstr("Verified, except drives: mae0222\n"),
                          HasSubstr("Is every weight of the checkpoint in mae0222?"),
                          HasSubstr("yes: the outputs depend on 100 % of 1,000 parameters"),
                          HasSubstr("gray images move its actions by 0.40"), HasSubstr("19 of 20 episodes"),
                          HasSubstr("one 2 ms (UNSTABLE)")));
  EXPECT_LT(text.find("Is every weight"), text.find("look and listen"));
  const Page bad = PageOfReceipt([](Json& json) {
    json["passed"] = false;
    json["checks"][1]["passed"] = false;
  });
  EXPECT_THAT(SummaryText(bad), HasSubstr("NO: first failure: kernels: int8"));
}

// Which difference is judged, the check says; the plot holds it against its limit.
TEST(ComposeTest, StagesAreHeldAgainstTheirLimits) {
  const Page page = PageOfReceipt([](Json& json) {
    json["checks"].push_back({{"stage", 1},
                              {"name", "actions"},
                              {"passed", false},
                              {"detail", "largest difference 3e-05"},
                              {"figures", {{"max_absolute", 3e-5}, {"relative", 1e-9}, {"limit", 1e-5}}}});
    json["passed"] = false;
  });
  const auto figures = Figures(page, "layers");
  ASSERT_EQ(figures.size(), 2U) << "stages, arithmetic";
  const auto& bars = std::get<Bars>(figures[0]->plot);
  EXPECT_EQ(bars.line, 100);
  ASSERT_EQ(bars.bars.size(), 2U);
  EXPECT_NEAR(bars.bars[0].parts[0], 20, 1e-6) << "2e-6 of 1e-5, the relative one";
  EXPECT_FALSE(bars.bars[0].bad);
  EXPECT_NEAR(bars.bars[1].parts[0], 300, 1e-6);
  EXPECT_TRUE(bars.bars[1].bad);
  EXPECT_EQ(figures[0]->table.rows[0][3].text, "relative");
  EXPECT_EQ(figures[0]->table.rows[1][3].text, "largest");
}

TEST(ComposeTest, ArithmeticIsOnePlotAReceiptAndNoneForFloat32) {
  const auto page = [](const std::string& arithmetic) {
    return PageOfReceipt([&](Json& json) {
      json["checks"].push_back({{"stage", 2},
                                {"name", "kernels, whole graph"},
                                {"passed", true},
                                {"detail", ""},
                                {"figures", {{"macs_" + arithmetic, 1.0}}}});
      if (arithmetic == "float32") json["checks"][1]["figures"] = {{"macs_float32", 1.0}};
    });
  };
  ASSERT_EQ(Figures(page("int8"), "layers").size(), 2U);
  EXPECT_EQ(std::get<Bars>(Figures(page("int8"), "layers")[1]->plot).bars.size(), 2U);
  EXPECT_EQ(Figures(page("float32"), "layers").size(), 1U);
}

TEST(ComposeTest, FilesAndMemoryAreNotAddedUp) {
  const Page page = PageOf({ExampleResults()});
  const auto& bars = std::get<Bars>(Figures(page, "size")[0]->plot);
  EXPECT_FALSE(bars.stacked);
  EXPECT_EQ(bars.part_names.size(), 2U);
}

TEST(ComposeTest, SettingsAreForPeople) {
  Json json = *ExampleResults().json;
  json["settings"].update(
      {{"budget_ns", 15000000000}, {"percentiles", {0.5, 0.9}}, {"warm_up", {{"runs", 10}, {"ns", 2e8}}}});
  json["machine"].update({{"memory_bytes", 25276502016}, {"features", {"avx2", "fma"}}, {"throttled", false}});
  const std::string text = Markdown(PageOf({Example("vlaq.results/1", "results.json", json.dump())}));
  EXPECT_THAT(text, AllOf(HasSubstr("| budget | 15 s |"), HasSubstr("| percentiles | 0.5, 0.9 |"),
                          HasSubstr("| warm up, runs | 10 |"), HasSubstr("| warm up | 200 ms |"),
                          HasSubstr("| memory | 25.3 GB |"), HasSubstr("| features | avx2, fma |"),
                          HasSubstr("| throttled | no |"), HasSubstr("| governor | not known |")));
}

// "-", not 0 seconds, for a condition without a success.
TEST(ComposeTest, NoSuccessTakesNoTime) {
  Json json = *ExampleSimulation().json;
  Json& summary = json["policy"]["ablations"][0]["summary"];
  summary["success"]["count"] = 0;
  summary["mean_seconds_of_successes"] = 0.0;
  const Page page = PageOf({Example("vlaq.eval/2 simulation", "simulation.json", json.dump())});
  EXPECT_EQ(Figures(page, "rollouts")[0]->table.rows[0].back().text, "-");
}

TEST(ComposeTest, ResultsBecomeATableAndPlots) {
  const Page page = PageOf({ExampleResults()});
  const auto& table = std::get<Table>(FindSection(page, "measurements")->blocks.front());
  EXPECT_THAT(table.header, ElementsAre("subject", "median", "p90", "steps/s", "times faster", "runs", "differs by",
                                        "missed", "verdict"));
  ASSERT_EQ(table.rows.size(), 1U);
  std::vector<std::string> row;
  for (const Cell& cell : table.rows.front()) row.push_back(cell.text);
  EXPECT_THAT(row, ElementsAre("one", "2 ms", "no claim from 3 runs", "300", "2.5 (2.25 to 2.75)", "3", "1.0e-02",
                               "1 of 3", "UNSTABLE"));
  const auto timeline = Figures(page, "timeline");
  ASSERT_EQ(timeline.size(), 1U);
  const auto& curves = std::get<Curves>(timeline.front()->plot);
  EXPECT_EQ(curves.line, 400);
  ASSERT_EQ(curves.series.front().points.size(), 3U);
  EXPECT_FALSE(curves.series.front().points[1].marked);
  EXPECT_TRUE(curves.series.front().points[2].marked) << "500 ms missed a frame every 400 ms";
  EXPECT_EQ(curves.series.front().points[2].x, 2) << "by frame";
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
  EXPECT_EQ(std::get<Table>(FindSection(page, "measurements")->blocks.front()).rows[0][2].text, "5 ms (at most 6 ms)");
}

// An even number of steps: the median lies between two, in the table of distributions as in the document.
TEST(ComposeTest, APageHasOneMedian) {
  Json json = *ExampleResults().json;
  json["subjects"][0]["samples"] = {{"start_ns", {0, 1, 2, 3}}, {"wall_ns", {1e6, 2e6, 4e6, 9e6}}};
  json["subjects"][0]["summary"]["median_ns"] = 3e6;
  const Page page = PageOf({Example("vlaq.results/1", "results.json", json.dump())});
  const Table& table = Figures(page, "latency")[0]->table;
  EXPECT_THAT(table.header, ElementsAre("subject", "least", "median", "mean", "middle half", "most", "runs"));
  EXPECT_THAT(Texts(table)[0], ElementsAre("one", "1 ms", "3 ms", "3 ms", "1.75 ms to 5.25 ms", "9 ms", "4"));
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
  // Few subjects: one of them is a column.
  EXPECT_THAT(ran.header, ElementsAre("subject", "one"));
  std::vector<std::string> properties, values;
  for (const auto& row : Texts(ran)) {
    properties.push_back(row[0]);
    values.push_back(row[1]);
  }
  EXPECT_THAT(properties, ElementsAre("ran on", "precision", "mode", "threads", "CPU time a step",
                                      "processors busy (CPU time over time)", "energy a step", "parameters",
                                      "identity (parameters its outputs need, of the first's)", "warm-up"));
  EXPECT_THAT(values, ElementsAre("ONNX Runtime 9, cpu", "int8", "streaming", "1 of 2 asked for", "6 ms", "2", "4.5 J",
                                  "1,708,949,309", "99.95 %", "5 runs, 2,000 ms"));
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
  EXPECT_EQ(page.title, "Impossible: 44.0 MB as mae0222, 700 frames/s as mae0222");
  const Table& verdicts = Verdicts(page);
  ASSERT_EQ(verdicts.rows.size(), 2U);
  EXPECT_EQ(verdicts.rows[0][0].text, "mae0222 could be 44.0 MB");
  EXPECT_EQ(verdicts.rows[0][1].text, "impossible");
  EXPECT_EQ(verdicts.rows[0][1].mood, Severity::kBad);
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
  EXPECT_THAT(missing.error().ToString(), AllOf(HasSubstr("files.camera"), HasSubstr("missing.png")));
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
  std::ofstream(path) << R"({"schema": "vlaq.eval/2", "mode": "open_loop"})";
  EXPECT_EQ(ReadDocument(path)->kind, "vlaq.eval/2 open_loop");
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
