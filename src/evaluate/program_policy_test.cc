// Programs that do as they are told, and programs that do not: the shell plays them all.
#include "evaluate/program_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/child_process.h"
#include "base/json.h"
#include "base/testing.h"
#include "evaluate/testing.h"

namespace vlaq::evaluate {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

const ActionSpace kSpoken = BaseSpace(0.6);

// Frames of 4 x 2 pixels: 24 bytes after each line.
const std::string kObedient = R"(while read -r line; do head -c 24 >/dev/null; echo '{"action": [0.5, -0.25]}'; done)";

std::string Text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// True unless there is no such process, or only what is left of one that nobody asked about.
bool Lives(const std::string& pid) {
  const std::string stat = Text("/proc/" + pid + "/stat");
  const size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

class ProcessDriverTest : public ::testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a program was left behind";
    EXPECT_LT(std::chrono::steady_clock::now() - start_, std::chrono::seconds(20));
  }

  static std::unique_ptr<PolicyUnderTest> Make(const std::string& command, double timeout_s = 10) {
    auto tested = ProgramPolicyFactory(command, kSpoken, timeout_s).Make();
    EXPECT_TRUE(tested.ok());
    EXPECT_TRUE((*tested)->Begin("pass left").ok());
    return *std::move(tested);
  }

  // The error of one step of `command`.
  static Error Fail(const std::string& command, double timeout_s = 10, int side = 4) {
    const auto tested = Make(command, timeout_s);
    const auto action = tested->Act(Seen(Filled(side, side / 2, 7)));
    EXPECT_FALSE(action.ok()) << command;
    return action.ok() ? Error{} : action.error();
  }

  TemporaryFolder folder_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

TEST_F(ProcessDriverTest, AnswersBecomeActions) {
  const auto tested = Make(kObedient);
  for (int t = 0; t < 5; ++t) {
    const auto action = tested->Act(Seen(Filled(4, 2, 9)));
    ASSERT_TRUE(action.ok()) << action.error().ToString();
    EXPECT_EQ(action->shape(), (Shape{1, 2}));
    EXPECT_EQ(action->data<float>()[0], 0.5F);
    EXPECT_EQ(action->data<float>()[1], -0.25F);
  }
  EXPECT_EQ(tested->space().ScaleOf(1), 0.6);
  EXPECT_THAT(tested->Description(), HasSubstr("while read"));
}

TEST_F(ProcessDriverTest, TheProgramGetsInstructionSizePixelsAndWhenToForget) {
  const std::string lines = (folder_.path() / "lines").string();
  const std::string pixels = (folder_.path() / "pixels").string();
  const auto tested = Make("while read -r line; do printf '%s\\n' \"$line\" >> " + lines + "; head -c 24 >> " + pixels +
                           "; echo '{\"action\": [0, 0]}'; done");
  image::Image frame = Filled(4, 2, '.');
  frame.rgb[0] = 'a';
  frame.rgb[23] = 'z';
  ASSERT_TRUE(tested->Act(Seen(frame)).ok());
  ASSERT_TRUE(tested->Act(Seen(Filled(4, 2, '\n'))).ok()) << "pixels may look like the end of a line";
  ASSERT_TRUE(tested->Forget().ok());
  ASSERT_TRUE(tested->Act(Seen(Filled(2, 4, 'x'))).ok());
  ASSERT_TRUE(tested->Begin("a \"quoted\" word\nand a line").ok());
  ASSERT_TRUE(tested->Act(Seen(Filled(4, 2, 'y'))).ok());
  EXPECT_EQ(Text(pixels),
            "a......................z" + std::string(24, '\n') + std::string(24, 'x') + std::string(24, 'y'));
  std::ifstream stream(lines);
  std::vector<Json> requests;
  for (std::string line; std::getline(stream, line);) requests.push_back(Json::parse(line));
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests[0], Json::parse(R"({"reset": true, "instruction": "pass left", "width": 4, "height": 2})"));
  EXPECT_EQ(requests[1]["reset"], false);
  EXPECT_EQ(requests[2]["reset"], true);
  EXPECT_EQ(requests[2]["width"], 2);
  EXPECT_EQ(requests[3]["reset"], true);
  EXPECT_EQ(requests[3]["instruction"], "a \"quoted\" word\nand a line");
}

TEST_F(ProcessDriverTest, TheEndOfItsInputEndsTheProgram) {
  const auto mark = folder_.path() / "mark";
  Make("cat > /dev/null; echo bye > " + mark.string()).reset();
  EXPECT_EQ(Text(mark), "bye\n") << "it had time to leave by itself";
}

TEST_F(ProcessDriverTest, AProgramThatEndsIsReportedWithItsStatus) {
  for (const std::string command : {"exit 3", "read -r line; exit 3"}) {
    const Error error = Fail(command);
    EXPECT_EQ(error.code, ErrorCode::kBackend);
    EXPECT_THAT(error.ToString(), AllOf(HasSubstr("ended with status 3"), HasSubstr(command)));
  }
  EXPECT_THAT(Fail("kill -9 $$").ToString(), HasSubstr("ended by signal 9"));
  EXPECT_THAT(Fail("/nowhere/program 2>/dev/null").ToString(), HasSubstr("ended with status 127"));
  EXPECT_THAT(Fail("exec 0</dev/null 1>/dev/null; sleep 30").ToString(), HasSubstr("closed its output"));
}

TEST_F(ProcessDriverTest, AfterAnErrorTheNextStepIsOneToo) {
  const auto tested = Make("read -r line; head -c 24 >/dev/null; echo '{\"action\": [1, 1]}'; exit 4");
  ASSERT_TRUE(tested->Act(Seen(Filled(4, 2, 1))).ok());
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(tested->Act(Seen(Filled(4, 2, 1))).ok());
}

TEST_F(ProcessDriverTest, SilenceIsTimedOut) {
  for (const std::string command : {"sleep 30", "while :; do read -r line; done", "trap '' HUP TERM; sleep 30"}) {
    const Error error = Fail(command, 0.2);
    EXPECT_EQ(error.code, ErrorCode::kBackend);
    EXPECT_THAT(error.ToString(), AnyOf(HasSubstr("did not answer within 0.2 s")));
  }
}

// 6 MB do not fit into a socket: who never reads must not hold us for ever.
TEST_F(ProcessDriverTest, InputThatIsNotReadIsTimedOut) {
  EXPECT_THAT(Fail("sleep 30", 0.2, 2000).ToString(), HasSubstr("did not read its input within 0.2 s"));
}

TEST_F(ProcessDriverTest, LargeFramesArriveWhole) {
  const auto tested = Make("read -r line; n=$(head -c 6000000 | wc -c); echo \"{\\\"action\\\": [$n, 0]}\"");
  const auto action = tested->Act(Seen(Filled(2000, 1000, 5)));
  ASSERT_TRUE(action.ok()) << action.error().ToString();
  EXPECT_EQ(action->data<float>()[0], 6e6F);
}

TEST_F(ProcessDriverTest, AnswersThatAreNoActionsAreRefused) {
  const auto answer = [](const std::string& text) {
    return Fail("read -r line; head -c 24 >/dev/null; echo '" + text + "'; cat >/dev/null").ToString();
  };
  EXPECT_THAT(answer("hello"), HasSubstr("echo"));
  EXPECT_THAT(answer(""), HasSubstr("echo"));
  EXPECT_THAT(answer("{}"), HasSubstr("the program answered '{}', not {\"action\": [2 numbers]}"));
  EXPECT_THAT(answer("{\"action\": [1]}"), HasSubstr("2 numbers"));
  EXPECT_THAT(answer("{\"action\": [1, 2, 3]}"), HasSubstr("2 numbers"));
  EXPECT_THAT(answer("{\"action\": [1, \"x\"]}"), HasSubstr("action"));
  EXPECT_THAT(answer("{\"action\": [NaN, 0]}"), HasSubstr("echo"));
  EXPECT_THAT(answer("{\"action\": [Infinity, 0]}"), HasSubstr("echo"));
  EXPECT_THAT(answer("{\"action\": [1e999, 0]}"), HasSubstr("echo"));
  EXPECT_THAT(answer("{\"action\": [1e300, 0]}"), HasSubstr("not finite")) << "too much for a float";
  EXPECT_THAT(answer("[0.5, 0.5]"), HasSubstr("echo"));
}

TEST_F(ProcessDriverTest, EndlessOutputWithoutALineIsRefused) {
  EXPECT_THAT(Fail("head -c 3000000 /dev/zero; cat >/dev/null").ToString(), HasSubstr("more than 1 MiB"));
}

TEST_F(ProcessDriverTest, DestructionEndsWhatTheShellStartedAndIsQuick) {
  const auto pid_file = folder_.path() / "pid";
  auto tested = Make("sleep 60 & echo $! > " + pid_file.string() + "; wait");
  std::string pid;
  for (int i = 0; i < 500 && pid.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::getline(std::ifstream(pid_file), pid);
  }
  ASSERT_TRUE(Lives(pid)) << pid;
  const auto start = std::chrono::steady_clock::now();
  tested.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
  for (int i = 0; i < 500 && Lives(pid); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(Lives(pid));
}

TEST_F(ProcessDriverTest, EachDriverHasAProgramOfItsOwn) {
  const ProgramPolicyFactory factory(
      "n=0; while read -r line; do head -c 24 >/dev/null; n=$((n+1)); echo \"{\\\"action\\\": [0.$n, 0]}\"; done",
      kSpoken);
  EXPECT_THAT(factory.name(), HasSubstr("program 'n=0;"));
  auto a = factory.Make();
  auto b = factory.Make();
  ASSERT_TRUE(a.ok() && b.ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE((*a)->Act(Seen(Filled(4, 2, 0))).ok());
  EXPECT_FLOAT_EQ((*a)->Act(Seen(Filled(4, 2, 0)))->data<float>()[0], 0.3F);
  EXPECT_FLOAT_EQ((*b)->Act(Seen(Filled(4, 2, 0)))->data<float>()[0], 0.1F);
}

// A second program must not hold the first one's input open.
TEST_F(ProcessDriverTest, ProgramsDoNotHoldEachOther) {
  const auto mark = folder_.path() / "mark";
  auto first = Make("cat > /dev/null; echo bye > " + mark.string());
  const auto second = Make(kObedient);
  first.reset();
  EXPECT_EQ(Text(mark), "bye\n");
  EXPECT_TRUE(second->Act(Seen(Filled(4, 2, 0))).ok());
}

TEST_F(ProcessDriverTest, LinesAreTakenOneByOne) {
  auto process = ChildProcess::Start("printf 'one\\ntwo\\n\\nfo'; sleep 0.1; printf 'ur\\n'; cat >/dev/null");
  ASSERT_TRUE(process.ok());
  for (const char* line : {"one", "two", "", "four"}) {
    const auto got = (*process)->ReadLine(10);
    ASSERT_TRUE(got.ok()) << got.error().ToString();
    EXPECT_EQ(*got, line);
  }
  EXPECT_FALSE((*process)->ReadLine(0.05).ok());
}

}  // namespace
}  // namespace vlaq::evaluate
