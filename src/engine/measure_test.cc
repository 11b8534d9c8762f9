// What a run of an engine is asked and what is kept of it, with shell scripts in the place of trtexec.
#include "engine/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "base/testing.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;

class MeasureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(gpu_.parent_path());
    SetClock(100);
    plan_.file = folder_.path() / "x.trt";
    plan_.work.inputs = {{"pixel_values", {1, 3}, {1, 3}, {8, 3}}};
    builder_.version = {8, 6, 2};
  }
  void SetClock(int mhz) const { std::ofstream(gpu_) << mhz << "000000\n"; }
  // A trtexec that does this; $times is where its times go, $gpu the file with the GPU's clock.
  void Trtexec(const std::string& script) {
    builder_.tool.path = folder_.path() / "trtexec";
    std::ofstream(builder_.tool.path)
        << "#!/bin/sh\ngpu='" << gpu_.string()
        << "'\nfor word; do case \"$word\" in --exportTimes=*) times=${word#*=};; "
        << "esac; done\nsay() { echo \"[11/20/2026-10:00:00] [I] $*\"; }\n"
        << "give() { echo '[{\"latencyMs\": 5, \"computeMs\": 4}, {\"latencyMs\": 7, \"computeMs\": 4}]' >$times; }\n"
        << script << "\n";
    ::chmod(builder_.tool.path.c_str(), 0755);
  }
  Result<Timing> Time(double seconds, double timeout_s) const {
    return TimeEngine(plan_, builder_, seconds, timeout_s, folder_.path());
  }
  std::string Kept() const {
    std::ostringstream text;
    text << std::ifstream(plan_.file.string() + ".log").rdbuf();
    return text.str();
  }

  static constexpr const char* kPassed = "echo '&&&& PASSED TensorRT.trtexec [TensorRT v8602]'";
  TemporaryFolder folder_;
  fs::path gpu_ = folder_.path() / "sys/class/devfreq/17000000.gpu/cur_freq";
  EnginePlan plan_;
  Builder builder_;
};

TEST_F(MeasureTest, WatchesTheBoardOnlyWhileInferenceRuns) {
  Trtexec(
      "say Loaded engine size: 3 MiB; sleep 0.4; echo 200000000 >$gpu; printf '[I] Starting infer'; sleep 0.1\n"
      "echo ence; sleep 0.6; say 'Timing trace has 2 queries over 0.6 s'; sleep 0.3; echo 300000000 >$gpu; sleep 0.4\n"
      "give; " +
      std::string(kPassed));
  const auto timing = Time(1, 60);
  ASSERT_TRUE(timing.ok()) << timing.error().ToString();
  EXPECT_EQ(timing->times.latency.size(), 2U);
  EXPECT_THAT(timing->readings, AllOf(Not(IsEmpty()), Each(Field(&BoardReading::gpu_mhz, Optional(200)))));
}

TEST_F(MeasureTest, KeepsNoReadingIfTheLogNeverSaysWhen) {
  Trtexec("sleep 0.3; give; " + std::string(kPassed));
  const auto timing = Time(1, 60);
  ASSERT_TRUE(timing.ok()) << timing.error().ToString();
  EXPECT_THAT(timing->readings, IsEmpty());
}

TEST_F(MeasureTest, TheSecondsThatItRunsAreNoPartOfTheTimeout) {
  Trtexec("sleep 0.8; give; " + std::string(kPassed));
  EXPECT_TRUE(Time(30, 0.5).ok());
}

TEST_F(MeasureTest, AFailureKeepsItsLogUntilTheNextSuccess) {
  Trtexec("say Loaded engine size: 3 MiB\necho '[E] something of its own'\nexit 1");
  const auto failed = Time(1, 60);
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().ToString(), AllOf(HasSubstr("running x.trt"), HasSubstr("the whole log is")));
  EXPECT_THAT(Kept(), HasSubstr("something of its own"));
  // Output of what is ended at the deadline is kept, too.
  Trtexec("say Loaded engine size: 4 MiB\nexec sleep 20");
  const auto late = Time(0.1, 0.4);
  ASSERT_FALSE(late.ok());
  EXPECT_THAT(late.error().ToString(), AllOf(HasSubstr("did not end"), HasSubstr("the whole log is")));
  EXPECT_THAT(Kept(), HasSubstr("4 MiB"));
  Trtexec("give; " + std::string(kPassed));
  EXPECT_TRUE(Time(1, 60).ok());
  EXPECT_FALSE(fs::exists(plan_.file.string() + ".log"));
  EXPECT_FALSE(fs::exists(plan_.file.string() + ".times.json"));
}

}  // namespace
}  // namespace vlaq::engine
