// `vlaq report` on what the other commands really write.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ReportTest : public CliTest {
 protected:
  // The document that a command prints with --json, as a file.
  static std::string Written(const std::string& name, std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Ran ran = Vlaq(arguments);
    EXPECT_FALSE(ran.out.empty()) << ran.err;
    Overwrite(In(name), ran.out);
    return In(name);
  }
};

TEST_F(ReportTest, ShowsWhatTheVerbsWrite) {
  const std::string receipt = Written("receipt.json", {"verify", Bundle(), "--against", Checkpoint()});
  const std::string inspection = Written("inspection.json", {"inspect", Bundle()});
  const std::string quantized =
      Written("quantized.json", {"quantize", Bundle(), "--target", "cpu", "--precision", "int8", "-o", In("int8")});
  const std::string plan =
      Written("planned.json", {"plan", "quantize", Bundle(), "--precision", "int8", "-o", In("plan.json")});
  const Ran bench = Program({"bench", Bundle(), "whole:" + Bundle(), "--budget", "1", "-o", In("results.json")});
  ASSERT_THAT(bench.out, HasSubstr("median ms")) << bench.err;
  const Ran ran = Vlaq({"report", receipt, inspection, quantized, plan, In("results.json"), "-o", In("report.html"),
                        "--title", "Micro"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("report.html"), HasSubstr("5 documents")));
  const std::string html = Content(In("report.html"));
  EXPECT_THAT(html, AllOf(HasSubstr(">Micro</h1>"), HasSubstr("verified"), HasSubstr("What rounding cost"),
                          HasSubstr("by part and type"), HasSubstr("Distribution of the step"), HasSubstr("SHA-256")));
  EXPECT_THAT(html, Not(::testing::ContainsRegex("https?:")));
}

TEST_F(ReportTest, MarkdownMayGoToStandardOutput) {
  const std::string receipt = Written("receipt.json", {"verify", Bundle(), "--against", Checkpoint()});
  const Ran ran = Vlaq({"report", receipt, "--markdown"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("# Intact, not verified: "),
                             HasSubstr("| Is every weight of the checkpoint in bundle? | yes")));
}

// The answer in the terminal, without a page; and what a receipt says against itself is not believed.
TEST_F(ReportTest, TheSummaryIsTheAnswer) {
  const std::string receipt = Written("receipt.json", {"verify", Bundle(), "--against", Checkpoint()});
  const Ran ran = Vlaq({"report", receipt, "--summary"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(::testing::StartsWith("Intact, not verified: "), HasSubstr("Is every weight of the checkpoint in"),
                    HasSubstr("yes: the outputs depend on 100 %")));
  Json forged = Json::parse(Content(receipt));
  forged["checks"][0]["passed"] = false;
  Overwrite(In("forged.json"), forged.dump());
  const Ran refused = Vlaq({"report", In("forged.json"), "--summary", "--markdown"});
  EXPECT_EQ(refused.exit_code, 0) << refused.err;
  EXPECT_THAT(refused.out, AllOf(::testing::StartsWith("Inconsistent receipt, not verified: "),
                                 HasSubstr("# Inconsistent receipt, not verified"),
                                 HasSubstr("NO: it says that it passed"), Not(HasSubstr("| verified |"))));
}

TEST_F(ReportTest, RefusesWithTheReason) {
  ExpectUsage({"report", "x.json"}, "-o FILE is missing");
  ExpectUsage({"report", "-o", In("out.html")}, "document");
  const Ran missing = Vlaq({"report", In("none.json"), "-o", In("out.html")});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, HasSubstr("none.json"));
  Overwrite(In("other.json"), R"({"schema": "vlaq.doctor/1"})");
  const Ran other = Vlaq({"report", In("other.json"), "-o", In("out.html")});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, AllOf(HasSubstr("cannot show 'vlaq.doctor/1'"), HasSubstr("vlaq bench")));
  Overwrite(In("broken.json"), R"({"schema": "vlaq.verify/2", "bundle": "b"})");
  const Ran broken = Vlaq({"report", In("broken.json"), "-o", In("out.html")});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_THAT(broken.err, HasSubstr("is missing"));
  EXPECT_FALSE(std::filesystem::exists(In("out.html"))) << "nothing half-written";
  Overwrite(In("out.html"), "mine");
  const std::string receipt = Written("receipt.json", {"verify", Bundle(), "--against", Checkpoint()});
  EXPECT_EQ(Vlaq({"report", receipt, "-o", In("out.html")}).exit_code, 2);
  EXPECT_EQ(Content(In("out.html")), "mine");
  EXPECT_EQ(Vlaq({"report", receipt, "-o", In("out.html"), "--force"}).exit_code, 0);
}

}  // namespace
}  // namespace vlaq
