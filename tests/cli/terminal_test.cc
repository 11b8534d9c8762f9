// What a person sees on a terminal: color, folded tables, and nothing of a hostile file that steers it.
#include "cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(InColor, PaintsVerdictsInTheirCellsAndBeginnings) {
  using cli::InColor;
  EXPECT_EQ(InColor("0  weights  ok      906 tensors are ok\n"),
            "0  weights  \033[32mok\033[0m      906 tensors are ok\n");
  EXPECT_EQ(InColor("x  NOT TESTABLE  why\n"), "x  \033[33mNOT TESTABLE\033[0m  why\n");
  EXPECT_EQ(InColor("NOT VERIFIED: x\n"), "\033[31;1mNOT VERIFIED\033[0m: x\n");
  EXPECT_EQ(InColor("verified\n"), "\033[32mverified\033[0m\n");
  EXPECT_EQ(InColor("verifiedness ok\n"), "verifiedness ok\n");
  EXPECT_EQ(InColor("warning: x\n"), "\033[33mwarning:\033[0m x\n");
  EXPECT_EQ(InColor("a b\n"), "a b\n");
  EXPECT_EQ(InColor("\n"), "\n");
}

TEST(PersonBuffer, LetsNoControlCharactersThrough) {
  std::ostringstream sink;
  {
    cli::PersonBuffer buffer(*sink.rdbuf(), false);
    std::ostream out(&buffer);
    out << "made by \x1B[2K\x1B[1A\r\n"
        << "\xC3"
        << "\xB8" << std::flush << "end";
    EXPECT_EQ(buffer.failure(), 0);
  }
  EXPECT_EQ(sink.str(),
            "made by \\x1b[2K\\x1b[1A\\x0d\n\xC3\xB8"
            "end");
}

class OnTerminal : public CliTest {
 protected:
  // What the program writes to a terminal of 60 columns.
  static std::string Show(std::vector<std::string> arguments, const std::map<std::string, std::string>& variables) {
    arguments.insert(arguments.begin(), VLAQ_PROGRAM);
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return "no terminal";
    const std::string name = ::ptsname(master);  // NOLINT(concurrency-mt-unsafe)
    const winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(master, TIOCSWINSZ, &size);
    const int slave = ::open(name.c_str(), O_RDWR | O_NOCTTY);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(slave, 1);
      ::dup2(slave, 2);
      for (const char* variable : {"COLUMNS", "NO_COLOR", "TERM"}) ::unsetenv(variable);
      for (const auto& [key, value] : variables) ::setenv(key.c_str(), value.c_str(), 1);
      ::execv(VLAQ_PROGRAM, words.data());
      ::_exit(127);
    }
    ::close(slave);
    std::string shown;
    char part[4096];
    for (ssize_t n = 0; (n = ::read(master, part, sizeof part)) > 0;) shown.append(part, static_cast<size_t>(n));
    ::close(master);
    ::waitpid(child, nullptr, 0);
    return shown;
  }
  static size_t LongestLine(const std::string& text) {
    size_t longest = 0;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) longest = std::max(longest, line.size() - 1);  // \r
    return longest;
  }
};

TEST_F(OnTerminal, HasColorUnlessToldOtherwise) {
  const std::vector<std::string> verify{"verify", VLAQ_TESTDATA "/bundles/schema1/text"};
  EXPECT_THAT(Show(verify, {{"TERM", "xterm"}}), HasSubstr("\033[32mok\033[0m"));
  EXPECT_THAT(Show({"inspect", "/nowhere"}, {{"TERM", "xterm"}}), HasSubstr("\033[31;1mvlaq:\033[0m /nowhere"));
  EXPECT_THAT(Show(verify, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}), Not(HasSubstr("\033[3")));
  EXPECT_THAT(Show(verify, {{"TERM", "dumb"}}), Not(HasSubstr("\033")));
  EXPECT_THAT(Show(verify, {}), Not(HasSubstr("\033")));
}

TEST_F(OnTerminal, TablesFitIt) {
  const std::vector<std::string> doctor{"doctor"};
  const auto table = [](const std::string& text) {
    const size_t begin = text.find("back end");
    return text.substr(begin, std::min(text.find("Missing:"), text.find("Nothing is missing")) - begin);
  };
  EXPECT_LE(LongestLine(table(Show(doctor, {{"TERM", "dumb"}}))), 60U);
  const std::string wide = Show(doctor, {{"TERM", "dumb"}, {"COLUMNS", "400"}});
  EXPECT_GT(LongestLine(table(wide)), 60U);
  EXPECT_THAT(Vlaq(doctor).out, HasSubstr("full-size policy takes 7 GB in float32\n"))
      << "as it is where it is no terminal";
}

TEST_F(OnTerminal, VerifysTableIsInTheOrderOfItsRungs) {
  std::istringstream lines(Vlaq({"verify", Bundle(), "--against", Checkpoint()}).out);
  std::vector<char> stages;
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (line.size() > 2 && std::isdigit(static_cast<unsigned char>(line[0])) != 0 && line[1] == ' ') {
      stages.push_back(line[0]);
    }
  }
  EXPECT_GT(stages.size(), 8U);
  EXPECT_EQ(stages.front(), '0');
  EXPECT_EQ(stages.back(), '2');
  EXPECT_TRUE(std::is_sorted(stages.begin(), stages.end())) << std::string(stages.begin(), stages.end());
}

class Messages : public CliTest {};

TEST_F(Messages, AreFewerIfQuietAndAllInTheLogFile) {
  const std::string log = In("messages.log");
  const std::vector<std::string> quantizing{"quantize",     Bundle(), "--target", "cpu",      "--precision", "int8",
                                            "--keep-float", "vision", "-o",       In("said"), "--force"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = quantizing;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Vlaq(arguments);
  };
  const Ran usual = with({});
  ASSERT_EQ(usual.exit_code, 0) << usual.err;
  ASSERT_THAT(usual.err, HasSubstr("note: "));
  const Ran quiet = with({"--quiet", "--log", log});
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_THAT(quiet.err, Not(HasSubstr("note: ")));
  EXPECT_THAT(quiet.out, HasSubstr("int8"));
  const Ran failed = Vlaq({"inspect", "/no\nwhere", "-q", "--log", log});
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_THAT(failed.err, HasSubstr("vlaq: /no"));

  std::istringstream lines(Content(log));
  std::vector<std::string> said;
  for (std::string line; std::getline(lines, line);) {
    ASSERT_THAT(line, ::testing::MatchesRegex("[-0-9]+T[:0-9]+Z .*"));
    said.push_back(line.substr(line.find(' ') + 1));
  }
  ASSERT_GE(said.size(), 5U);
  EXPECT_THAT(said.front(), AllOf(HasSubstr("vlaq quantize "), HasSubstr("--quiet --log")));
  EXPECT_THAT(said, ::testing::Contains(HasSubstr("note: ")));
  EXPECT_EQ(said[said.size() - 3], "ok");
  EXPECT_THAT(said[said.size() - 2], HasSubstr("vlaq inspect "));
  EXPECT_THAT(said.back(), HasSubstr("vlaq: /no\\x0awhere"));

  const Ran nowhere = with({"--log", In("no/folder/x.log")});
  EXPECT_EQ(nowhere.exit_code, 3);
  EXPECT_THAT(nowhere.err, AllOf(HasSubstr("--log"), HasSubstr("No such file")));
}

// With names that steer terminals and forge rows in everything that a bundle says of itself.
TEST_F(OnTerminal, AHostileBundleIsShownAsItIs) {
  const std::string bundle = Copy("hostile");
  const std::string manifest = bundle + "/policy.json";
  Json policy = Json::parse(Content(manifest));
  const std::string evil =
      "9\x1B[2K\x1B[1A\n0     structure  ok  all 300 nodes\n\x07\xC2\x9B"
      "2J";
  policy["provenance"]["vlaq_version"] = evil;
  policy["provenance"]["assumptions"] = Json::array({evil});
  policy["settings"]["prompt_text"] = evil;
  policy["outputs"]["action"]["units"] = Json::array({evil, evil});
  policy["compare"] = Json::array({evil});
  Overwrite(manifest, policy.dump(1));
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"inspect", bundle},
                                                    {"verify", bundle, "--against", Checkpoint()},
                                                    {"run", bundle, "--frames", Frames()},
                                                    {"check", bundle, "--tensorrt", "8.6"},
                                                    {"plan", "cost", bundle}}) {
    const Ran ran = Vlaq(arguments);
    const std::string all = ran.out + ran.err;
    EXPECT_THAT(all, AllOf(Not(HasSubstr("\x1B")), Not(HasSubstr("\x07")), Not(HasSubstr("\xC2\x9B")))) << arguments[0];
    EXPECT_THAT(all, Not(HasSubstr("\n0     structure  ok  all 300 nodes"))) << arguments[0];
  }
}

}  // namespace
}  // namespace vlaq
