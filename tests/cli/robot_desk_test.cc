// The operator at the machine that drives: keys of a terminal, buttons of the page. A pseudo-terminal is the terminal.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <thread>

#include "data/testing.h"
#include "program.h"
#include "tiny_bundle.h"

namespace vlaq {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

// A program of ours with a terminal of its own, of which everything that it says is kept.
class OnATerminal {
 public:
  explicit OnATerminal(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), VLAQ_PROGRAM);
    pid_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ != 0) return;
    std::vector<char*> words;
    for (std::string& word : arguments) words.push_back(word.data());
    words.push_back(nullptr);
    execv(words[0], words.data());
    _exit(127);
  }
  ~OnATerminal() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    close(terminal_);
  }
  OnATerminal(const OnATerminal&) = delete;
  OnATerminal& operator=(const OnATerminal&) = delete;

  void Press(char key) const { ASSERT_EQ(write(terminal_, &key, 1), 1); }
  // Until it has said `text`.
  bool Says(const std::string& text) {
    for (const auto deadline = steady_clock::now() + std::chrono::seconds(30); steady_clock::now() < deadline;) {
      if (said_.find(text) != std::string::npos) return true;
      if (!Read()) return said_.find(text) != std::string::npos;
    }
    return false;
  }
  int ExitCode() {
    while (Read()) {
    }
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& said() const { return said_; }
  bool EchoesLines() const {
    termios now{};
    return tcgetattr(terminal_, &now) == 0 && (now.c_lflag & ICANON) != 0 && (now.c_lflag & ECHO) != 0;
  }

 private:
  bool Read() {
    std::array<char, 4096> bytes{};
    const ssize_t count = read(terminal_, bytes.data(), bytes.size());
    if (count > 0) said_.append(bytes.data(), static_cast<size_t>(count));
    return count > 0;
  }

  int terminal_ = -1;
  pid_t pid_ = 0;
  std::string said_;
};

// The body of an answer of 127.0.0.1.
std::string Ask(uint16_t port, const std::string& method, const std::string& path) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string request =
        method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    static_cast<void>(write(socket, request.data(), request.size()));
    std::array<char, 4096> bytes{};
    for (ssize_t count = 0; (count = read(socket, bytes.data(), bytes.size())) > 0;)
      answer.append(bytes.data(), static_cast<size_t>(count));
  }
  close(socket);
  const size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

class RobotDeskTest : public ::testing::Test {
 protected:
  // A drive by the clock that would take a minute, with `more` arguments.
  static std::vector<std::string> Drive(const TemporaryFolder& folder, std::vector<std::string> more) {
    MakeTinyBundle(folder.path(), "policy");
    const std::string recorded = RecordedSides{.count = 1, .shortest = 150}.In(folder.path() / "episodes");
    std::vector<std::string> arguments{"robot",       (folder.path() / "policy").string(),
                                       "--episodes",  recorded,
                                       "--record",    Recording(folder),
                                       "--real-time", "--in-process",
                                       "--backend",   "reference"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static std::string Recording(const TemporaryFolder& folder) { return (folder.path() / "drive.mcap").string(); }
};

TEST_F(RobotDeskTest, KeysStopAndResume) {
  const TemporaryFolder folder;
  OnATerminal vlaq(Drive(folder, {}));
  ASSERT_TRUE(vlaq.Says("keys: space stops")) << vlaq.said();
  EXPECT_FALSE(vlaq.EchoesLines());
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(300)); };
  std::this_thread::sleep_for(std::chrono::seconds(1));
  for (const char key : {' ', 'r', '?', 'q'}) {
    vlaq.Press(key);
    pause();
  }
  EXPECT_EQ(vlaq.ExitCode(), 0) << vlaq.said();
  EXPECT_TRUE(vlaq.EchoesLines());
  const Ran replay = Vlaq({"robot", (folder.path() / "policy").string(), "--replay", Recording(folder), "--json",
                           "--backend", "reference"});
  ASSERT_EQ(replay.exit_code, 0) << replay.err;
  const Json states = replay.json().at("states");
  EXPECT_GT(states.value("ESTOP", 0), 0) << states;
  EXPECT_GT(states.value("RUN", 0) + states.value("ARMED", 0), 0) << states;
}

// Whether the first one was enough or the second one ended it at once.
TEST_F(RobotDeskTest, CtrlCTwiceLeavesTheTerminalAsItWas) {
  const TemporaryFolder folder;
  OnATerminal vlaq(Drive(folder, {}));
  ASSERT_TRUE(vlaq.Says("keys: space stops")) << vlaq.said();
  constexpr char kCtrlC = 3;
  vlaq.Press(kCtrlC);
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  vlaq.Press(kCtrlC);
  static_cast<void>(vlaq.ExitCode());
  EXPECT_TRUE(vlaq.EchoesLines());
}

TEST_F(RobotDeskTest, ThePageShowsTheDriveAndStopsIt) {
  const TemporaryFolder folder;
  OnATerminal vlaq(Drive(folder, {"--ui", "--port", "0"}));
  const std::string begin = "http://127.0.0.1:";
  ASSERT_TRUE(vlaq.Says("/; key: none is needed")) << vlaq.said();
  uint16_t port = 0;
  const std::string number = vlaq.said().substr(vlaq.said().find(begin) + begin.size());
  std::from_chars(number.data(), number.data() + number.size(), port);
  EXPECT_THAT(Ask(port, "GET", "/"), HasSubstr("Emergency stop"));
  const auto state_becomes = [&](const std::string& wanted) {
    std::string state;
    for (int i = 0; i < 200 && state.find(wanted) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      state = Json::parse(Ask(port, "GET", "/status")).at("state");
    }
    return state;
  };
  EXPECT_THAT(state_becomes("RUN"), HasSubstr("RUN"));
  EXPECT_THAT(Ask(port, "GET", "/camera.png"), HasSubstr("PNG"));
  Ask(port, "POST", "/stop");
  EXPECT_THAT(state_becomes("ESTOP"), HasSubstr("ESTOP"));
  EXPECT_THAT(Ask(port, "GET", "/metrics"), HasSubstr("vlaq_stopped 1"));
  Ask(port, "POST", "/resume");
  EXPECT_THAT(state_becomes("RUN"), HasSubstr("RUN"));
  // There is no policy for others to ask.
  EXPECT_THAT(Ask(port, "POST", "/predict"), HasSubstr("there is no such path"));
  vlaq.Press('q');
  EXPECT_EQ(vlaq.ExitCode(), 0) << vlaq.said();
}

}  // namespace
}  // namespace vlaq
