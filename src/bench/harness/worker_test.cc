// Programs that speak the protocol, and programs that do not: the shell plays them all.
#include "bench/harness/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace vlaq::harness {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kReady =
    R"({"ready": true, "runs_on": "a shell", "precision": "fp32", "parameters": 5, "load_ns": 7, "threads": 1})";

class WorkerTest : public ::testing::Test {
 protected:
  // A program that greets with `ready` and answers everything else with `answer`.
  std::string Program(const std::string& answer, const std::string& ready = kReady) {
    const auto path = folder_.path() / "program.sh";
    std::ofstream(path) << "read -r hello; echo '" << ready << "'\n"
                        << "while read -r question; do echo '" << answer << "'; done\n";
    return "sh " + path.string();
  }
  Result<std::unique_ptr<WorkerSubject>> Start(const std::string& command, double timeout_s = 5) {
    return WorkerSubject::Start("it", command, {}, timeout_s);
  }
  void ExpectBadStart(const std::string& ready, const std::string& text) {
    const auto started = Start(Program("", ready), 1);
    ASSERT_FALSE(started.ok()) << ready;
    EXPECT_EQ(started.error().code, ErrorCode::kBackend);
    EXPECT_THAT(started.error().ToString(), AllOf(HasSubstr(text), HasSubstr("'it'")));
  }
  void ExpectBadAnswer(const std::string& answer, const std::string& text) {
    auto started = Start(Program(answer), 1);
    ASSERT_TRUE(started.ok());
    const auto block = (*started)->Run(std::vector<int>{3, 4}, true);
    ASSERT_FALSE(block.ok()) << answer;
    EXPECT_EQ(block.error().code, ErrorCode::kBackend);
    EXPECT_THAT(block.error().ToString(), AllOf(HasSubstr(text), HasSubstr("'it'")));
  }
  TemporaryFolder folder_;
};

TEST_F(WorkerTest, AsksAndReads) {
  auto started = Start(
      Program(R"({"start_ns": [1, 2], "wall_ns": [30, 40], "cpu_ns": [5, 6], "actions": [[0.5, -1], [null, 2]]})"));
  ASSERT_TRUE(started.ok()) << started.error().ToString();
  EXPECT_EQ((*started)->ready().runs_on, "a shell");
  EXPECT_EQ((*started)->ready().parameters, 5);
  const auto block = (*started)->Run(std::vector<int>{3, 4}, true);
  ASSERT_TRUE(block.ok()) << block.error().ToString();
  EXPECT_EQ(block->wall_ns, (std::vector<int64_t>{30, 40}));
  EXPECT_EQ(block->actions[0], (std::vector<float>{0.5F, -1}));
  EXPECT_TRUE(std::isnan(block->actions[1][0]));
  EXPECT_GT(block->turnaround_ns, 70);
  const auto memory = (*started)->MemoryNow();
  ASSERT_TRUE(memory.ok());
  EXPECT_GT(memory->peak_bytes, 100'000U);
  EXPECT_GE(memory->peak_bytes, memory->resident_bytes);
}

TEST_F(WorkerTest, TellsTheProgramWhatToRun) {
  const auto path = folder_.path() / "heard";
  auto started =
      WorkerSubject::Start("it", "tee " + path.string(), {.inputs = "/x.safetensors", .threads = 3, .window = 4}, 1);
  EXPECT_FALSE(started.ok()) << "an echo is no worker";
  std::ifstream heard(path);
  std::string line;
  std::getline(heard, line);
  EXPECT_EQ(line, R"({"hello":"vlaq.worker/1","inputs":"/x.safetensors","threads":3,"window":4,"batch":1})");
}

TEST_F(WorkerTest, WhoIsNotReadyIsRefused) {
  ExpectBadStart("hello", "no JSON object");
  ExpectBadStart("[]", "no JSON object");
  ExpectBadStart("{}", "ready");
  ExpectBadStart(R"({"ready": false})", "not ready");
  ExpectBadStart(R"({"ready": true})", "runs_on");
  ExpectBadStart(R"({"ready": true, "runs_on": 5})", "runs_on");
  ExpectBadStart(R"({"error": "no such file"})", "no such file");
  const auto gone = Start("false");
  ASSERT_FALSE(gone.ok());
  EXPECT_THAT(gone.error().ToString(), HasSubstr("ended with status 1"));
  const auto silent = Start("sleep 5", 0.2);
  ASSERT_FALSE(silent.ok());
  EXPECT_THAT(silent.error().ToString(), HasSubstr("did not answer"));
}

TEST_F(WorkerTest, AnswersThatDoNotFitAreErrors) {
  ExpectBadAnswer("{}", "start_ns");
  ExpectBadAnswer(R"({"start_ns": [1, 2], "wall_ns": [1], "cpu_ns": [1, 1], "actions": [[1], [1]]})", "wall_ns");
  ExpectBadAnswer(R"({"start_ns": [1, 2], "wall_ns": [1, -1], "cpu_ns": [1, 1], "actions": [[1], [1]]})", "-1");
  ExpectBadAnswer(R"({"start_ns": [1, 2], "wall_ns": [1, 0], "cpu_ns": [1, 1], "actions": [[1], [1]]})",
                  "1 ns at least");
  ExpectBadAnswer(R"({"start_ns": [1, 2], "wall_ns": [1, 1.5], "cpu_ns": [1, 1], "actions": [[1], [1]]})", "wall_ns");
  ExpectBadAnswer(R"({"start_ns": [1, 2], "wall_ns": [1, 1], "cpu_ns": [1, 1], "actions": [[1]]})", "action");
  ExpectBadAnswer(R"({"start_ns": [1, 2], "wall_ns": [1, 1], "cpu_ns": [1, 1], "actions": [[1], [1, 2]]})", "length");
  ExpectBadAnswer(R"({"start_ns": [1, 2], "wall_ns": [1, 1], "cpu_ns": [1, 1], "actions": [[1], ["x"]]})", "numbers");
  ExpectBadAnswer(R"({"error": "out of memory"})", "out of memory");
  ExpectBadAnswer("nonsense", "no JSON object");
}

TEST_F(WorkerTest, ReadsWhereTheTimeGoes) {
  auto started = Start(
      Program(R"({"operators": [{"op_type": "MatMul", "precision": "fp32", "calls": 2, "ns": 900, "macs": 64}]})"));
  ASSERT_TRUE(started.ok());
  const auto operators = (*started)->Profile(std::vector<int>{0});
  ASSERT_TRUE(operators.ok()) << operators.error().ToString();
  EXPECT_EQ((*operators)[0].op_type, "MatMul");
  EXPECT_EQ((*operators)[0].macs, 64);
  auto silent = Start(Program(R"({"operators": null})"));
  ASSERT_TRUE(silent.ok());
  const auto none = (*silent)->Profile(std::vector<int>{0});
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().ToString(), HasSubstr("no record"));
}

}  // namespace
}  // namespace vlaq::harness
