// Clients that are slow, silent or send nonsense all the time, and a server that ends while it is asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serve/net_testing.h"

namespace vlaq::serve {
namespace {

using std::chrono::steady_clock;
using testing::Ask;
using ::testing::HasSubstr;
using testing::OpenpiClient;

double SecondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

// Sends one byte after the other, with a pause between, until the server closes; how long that took.
double SendSlowly(uint16_t port, const std::string& at_once, const std::string& slowly) {
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), port});
  NetError error;
  asio::write(socket, asio::buffer(at_once), error);
  const auto begin = steady_clock::now();
  for (const char byte : slowly) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    asio::write(socket, asio::buffer(&byte, 1), error);
    if (error) return SecondsSince(begin);
  }
  ADD_FAILURE() << "the server listens to a slow client for ever";
  return 0;
}

TEST(ServerFaultTest, SlowClientsAreClosedAndNobodyElseWaits) {
  ServerOptions options;
  options.io_timeout_s = 0.4;
  const testing::Served served(options, 2);
  const uint16_t port = served.server->port();
  const std::string many(1000, 'x');
  struct Slow {
    std::string at_once, slowly;
  };
  const std::vector<Slow> kinds{
      {"GET /healthz HTTP/1.1\r\n", "X-Slow: " + many},
      {"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n", many},
      // A frame that says it has 1000 bytes, masked with zeros. Its head comes after the answer to the upgrade.
      {testing::kUpgrade, std::string("\x82\xfe\x03\xe8\0\0\0\0", 8) + many},
  };
  std::atomic<int> closed = 0;
  std::vector<std::thread> clients;
  for (const Slow& kind : kinds) {
    clients.emplace_back([&closed, port, &kind] {
      const double s = SendSlowly(port, kind.at_once, kind.slowly);
      EXPECT_GE(s, 0.2) << kind.at_once;
      ++closed;
    });
  }
  double longest = 0;
  while (closed < static_cast<int>(kinds.size())) {
    const auto begin = steady_clock::now();
    ASSERT_EQ(Ask(port, http::verb::post, "/predict", testing::Prediction(1)).result_int(), 200U);
    longest = std::max(longest, SecondsSince(begin));
  }
  for (std::thread& client : clients) client.join();
  EXPECT_LT(longest, 2);
}

TEST(ServerFaultTest, WhoSendsHalfAndNoMoreIsClosed) {
  ServerOptions options;
  options.io_timeout_s = 0.1;
  const testing::Served served(options);
  EXPECT_EQ(testing::Exchange(served.server->port(), "GET /healthz HTTP/1.1\r\nHo"), "");
  EXPECT_EQ(testing::Exchange(served.server->port(), "POST /predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"), "");
}

// Waits for the one session to be free.
bool BecomesFree(uint16_t port) {
  const auto begin = steady_clock::now();
  while (SecondsSince(begin) < 5) {
    if (OpenpiClient(port).is_open()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(ServerFaultTest, WhoAnswersNoPingsLosesItsSession) {
  ServerOptions options;
  options.silence_timeout_s = 0.2;
  const testing::Served served(options);
  OpenpiClient silent(served.server->port());  // reads nothing, so answers nothing
  ASSERT_TRUE(silent.is_open());
  EXPECT_FALSE(OpenpiClient(served.server->port()).is_open());
  EXPECT_TRUE(BecomesFree(served.server->port()));
}

TEST(ServerFaultTest, WhoWasToldAnErrorHoldsNoSession) {
  const testing::Served served;
  OpenpiClient wrong(served.server->port());
  static_cast<void>(wrong.Receive());
  wrong.Send("\xc1");
  static_cast<void>(wrong.Receive());
  EXPECT_THAT(wrong.text(), HasSubstr("0xc1"));
  // It has not closed yet.
  OpenpiClient next(served.server->port());
  static_cast<void>(next.Receive());
  next.SendPicture(1);
  EXPECT_EQ(next.ReceiveActions(), testing::ActionsAlone({1}));
}

// 1,000 a second over one connection for a second, each answered with 400.
void FloodWithNonsense(uint16_t port, std::atomic<int>& answered) {
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), port});
  http::request<http::string_body> request(http::verb::post, "/predict", 11);
  request.set(http::field::host, "127.0.0.1");
  request.set(http::field::content_type, "application/msgpack");
  request.set("X-Session", "flood");
  request.body() = "\x81\xa5image\xc1";
  request.prepare_payload();
  beast::flat_buffer buffer;
  auto next = steady_clock::now();
  const auto end = next + std::chrono::seconds(1);
  for (; next < end; next += std::chrono::milliseconds(1)) {
    std::this_thread::sleep_until(next);
    if (steady_clock::now() > end) return;  // a slow machine sends fewer
    http::write(socket, request);
    http::response<http::string_body> response;
    http::read(socket, buffer, response);
    if (response.result_int() == 400) ++answered;
  }
}

TEST(ServerFaultTest, AFloodOfNonsenseDoesNotKeepOthersFromTheirActions) {
  const testing::Served served({}, 2);
  std::atomic<int> answered = 0;
  std::atomic<bool> done = false;
  std::thread flood([&] {
    FloodWithNonsense(served.server->port(), answered);
    done = true;
  });
  OpenpiClient client(served.server->port());
  static_cast<void>(client.Receive());
  std::vector<int> seeds;
  std::vector<float> actions;
  while (!done || seeds.empty()) {
    constexpr int kPictures = 5;
    seeds.push_back(static_cast<int>(seeds.size()) % kPictures);
    client.SendPicture(seeds.back());
    actions = client.ReceiveActions();
    ASSERT_FALSE(actions.empty());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // a fast robot
  }
  flood.join();
  EXPECT_GT(answered, 10);
  EXPECT_EQ(actions, testing::ActionsAlone(seeds));
}

TEST(ServerFaultTest, StoppingAnswersRequestsAtWork) {
  testing::Served served({}, 2);
  testing::Held held;
  testing::Mailbox blocked;
  served.service->Submit(*served.service->Join(Tenure::kUntilLeave), held.Read(), blocked.Slot());
  http::response<http::string_body> response;
  std::thread asks(
      [&] { response = Ask(served.server->port(), http::verb::post, "/predict", testing::Prediction(1)); });
  while (served.service->statistics().clients < 2) std::this_thread::yield();  // until it waits
  std::thread stops([&] { served.server->Stop(); });
  asks.join();
  held.Release();
  stops.join();
  EXPECT_EQ(response.result_int(), 503U);
  EXPECT_THAT(response.body(), HasSubstr("the server ends"));
}

}  // namespace
}  // namespace vlaq::serve
