#include "base/run_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace vlaq {
namespace {

using ::testing::HasSubstr;

TEST(RunProgram, KeepsBothOutputsAndTheStatus) {
  std::string seen;
  const auto run = RunProgram({"sh", "-c", "echo one; echo two >&2; exit 3"}, 20, [&](auto part) { seen += part; });
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->output, "one\ntwo\n");
  EXPECT_EQ(seen, run->output);
  EXPECT_EQ(run->exit_code, 3);
  EXPECT_EQ(run->signal, 0);
  EXPECT_GT(run->peak_resident_bytes, 0U);
  EXPECT_EQ(run->HowItEnded(), "ended with status 3");
}

TEST(RunProgram, NamesTheSignal) {
  const auto run = RunProgram({"sh", "-c", "kill -SEGV $$"}, 20);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->signal, SIGSEGV);
  EXPECT_THAT(run->HowItEnded(), HasSubstr("signal 11"));
}

TEST(RunProgram, PassesWordsAsTheyAre) {
  const auto run = RunProgram({"printf", "%s|", "a b", "'", "$HOME"}, 20);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->output, "a b|'|$HOME|");
}

// A program that inherits a blocked Ctrl-C cannot be stopped by it.
TEST(RunProgram, DoesNotHandOnBlockedSignals) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto run = RunProgram({"sh", "-c", "kill -TERM $$; echo went on"}, 20);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->signal, SIGTERM);
  EXPECT_EQ(run->output, "");
}

TEST(RunProgram, EndsWhatTakesTooLong) {
  const auto run = RunProgram({"sleep", "100"}, 0.2);
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().code, ErrorCode::kBackend);
  EXPECT_THAT(run.error().what, HasSubstr("did not end"));
}

TEST(RunProgram, SaysWhatIsNotThere) {
  const auto run = RunProgram({"/no/such/program"}, 20);
  ASSERT_FALSE(run.ok());
  EXPECT_THAT(run.error().ToString(), HasSubstr("/no/such/program"));
}

TEST(FindProgram, TakesTheFirstThatRuns) {
  EXPECT_EQ(FindProgram({"/no/such/program", "/bin/sh"}), "/bin/sh");
  EXPECT_THAT(FindProgram({"sh"}), HasSubstr("/sh"));
  EXPECT_EQ(FindProgram({"no-such-program", "/etc/passwd"}), "");
}

TEST(ShellWord, QuotesOnlyWhereNeeded) {
  EXPECT_EQ(ShellWord("--shapes=a:1x3"), "--shapes=a:1x3");
  EXPECT_EQ(ShellWord("a b"), "'a b'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace vlaq
