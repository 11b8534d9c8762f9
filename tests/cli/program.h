// The program under test, called as a library, and a small policy to call it on.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/testing.h"
#include "cli/app.h"

namespace vlaq {

struct Ran {
  int exit_code = 0;
  std::string out, err;
  Json json() const { return Json::parse(out); }
};

inline Ran Vlaq(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = cli::Run(arguments, out, err);
  return {exit_code, out.str(), err.str()};
}

// Exit code 2, the message on stderr, nothing on stdout.
inline void ExpectUsage(const std::vector<std::string>& arguments, const std::string& message) {
  const Ran ran = Vlaq(arguments);
  EXPECT_EQ(ran.exit_code, 2) << message;
  EXPECT_THAT(ran.err, ::testing::HasSubstr(message));
  EXPECT_THAT(ran.out, ::testing::IsEmpty());
}

inline std::string Content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void Overwrite(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// A temporary folder with a checkpoint of the true structure, narrow, and its side files; shared by the tests of a
// file.
class CliTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    const Ran made = Vlaq({"synth", "checkpoint", "--size", "micro", "--seed", "1", "-o", Checkpoint()});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    ASSERT_EQ(Export(Bundle()).exit_code, 0);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::filesystem::path Folder() { return folder_->path(); }
  static std::string In(const std::string& name) { return (Folder() / name).string(); }
  static std::string Checkpoint() { return In("micro.pth"); }
  static std::string Bundle() { return In("bundle"); }
  static Ran Export(const std::string& output, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"export",   Checkpoint(),      "-o",       output,
                                       "--config", In("config.json"), "--policy", In("policy.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments);
  }
  // A copy of the bundle to spoil.
  static std::string Copy(const std::string& name) {
    std::filesystem::remove_all(In(name));
    std::filesystem::copy(Bundle(), In(name));
    return In(name);
  }
#ifdef VLAQ_PROGRAM
  // The program itself, for commands that start it again (bench's subjects).
  static Ran Program(const std::vector<std::string>& arguments, const std::string& environment = "") {
    std::string command = environment + " '" + VLAQ_PROGRAM + "'";
    for (const std::string& argument : arguments) command += " '" + argument + "'";
    command += " >'" + In("out") + "' 2>'" + In("err") + "'";
    const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe)
    return {WEXITSTATUS(status), Content(In("out")), Content(In("err"))};
  }
#endif
  static std::string Frames() { return VLAQ_TESTDATA "/image/cli_frames"; }

 private:
  static inline TemporaryFolder* folder_ = nullptr;
};

}  // namespace vlaq
