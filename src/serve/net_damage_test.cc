// Requests and messages with bytes cut off, changed or too many: the server answers with an error or closes, and then
// answers others as before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "serve/net_testing.h"

namespace vlaq::serve {
namespace {

using testing::Ask;
using testing::Exchange;
using testing::OpenpiClient;
using ::testing::StartsWith;

std::string PredictRequest() {
  const std::string body = testing::Prediction(1);
  return "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// With each of its bytes changed once, each time in another bit, and cut off before each `step`-th.
void ForEachDamage(const std::string& whole, size_t step, const std::function<void(const std::string&)>& take) {
  Random random(7);
  constexpr unsigned kBits = 8;
  for (size_t at = 0; at < whole.size(); at += step) {
    take(whole.substr(0, at));
    std::string flipped = whole;
    flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ (1U << (random.Next() % kBits)));
    take(flipped);
  }
}

// A client that does nothing wrong gets the actions of an episode of its own.
void ExpectGoodAnswers(const testing::Served& served) {
  const uint16_t port = served.server->port();
  EXPECT_EQ(Ask(port, http::verb::post, "/reset").result_int(), 200U);
  const auto response = Ask(port, http::verb::post, "/predict", testing::Prediction(2));
  ASSERT_EQ(response.result_int(), 200U) << response.body();
  EXPECT_EQ(testing::JsonOf(response)["action"][0].get<float>(), testing::ActionsAlone({2})[0]);
  OpenpiClient client(port);
  static_cast<void>(client.Receive());
  client.SendPicture(3);
  EXPECT_EQ(client.ReceiveActions(), testing::ActionsAlone({3}));
}

TEST(ServerDamageTest, DamagedHttpIsAnsweredOrClosed) {
  const testing::Served served({}, 2);
  const std::string small = "POST /reset HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
  size_t refused = 0;
  const auto send = [&](const std::string& bytes) {
    const std::string answer = Exchange(served.server->port(), bytes, true);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.")) << answer;
    if (answer.starts_with("HTTP/1.1 4")) ++refused;
  };
  constexpr size_t kSparse = 7;
  ForEachDamage(small, 1, send);
  ForEachDamage(PredictRequest(), kSparse, send);
  EXPECT_GT(refused, 20U);
  ExpectGoodAnswers(served);
}

TEST(ServerDamageTest, DamagedFramesAreAnsweredOrClosed) {
  const testing::Served served({}, 2);
  const auto send = [&](const std::string& bytes) {
    EXPECT_THAT(Exchange(served.server->port(), bytes, true), ::testing::AnyOf("", StartsWith("HTTP/1.")));
  };
  for (const std::string& frame : {std::string("\x82\x81\x01\x02\x03\x04\x80", 7),  // masked, of one byte
                                   std::string("\x89\x80\x01\x02\x03\x04", 6)}) {   // a ping
    ForEachDamage(testing::kUpgrade + frame, 3, send);
  }
  ExpectGoodAnswers(served);
}

TEST(ServerDamageTest, DamagedMessagesGetATextAndCode1011) {
  const testing::Served served({}, 2);
  msgpack::Map map{{"observation/image", msgpack::Value(testing::Picture(1, 4, 4))}};
  const std::string whole = *msgpack::Encode(msgpack::Value(msgpack::Value::Data(std::move(map))));
  size_t wrong = 0;
  ForEachDamage(whole, 2, [&](const std::string& bytes) {
    OpenpiClient client(served.server->port());
    ASSERT_TRUE(client.is_open());
    static_cast<void>(client.Receive());
    client.Send(bytes);
    if (!client.ReceiveActions().empty()) return;  // only a pixel has changed
    ++wrong;
    EXPECT_NE(client.text(), "");
    EXPECT_EQ(client.close_code(), 1011);
  });
  EXPECT_GT(wrong, whole.size() / 2);
  ExpectGoodAnswers(served);
}

TEST(ServerDamageTest, TooMuchIsRefused) {
  ServerOptions options;
  options.max_message_bytes = 1000;
  const testing::Served served(options, 2);
  const auto answer = [&](const std::string& bytes) { return Exchange(served.server->port(), bytes).substr(0, 12); };
  const std::string post = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  EXPECT_EQ(answer(post + "Content-Length: 1001\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(answer(post + "Content-Length: 18446744073709551615\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(answer(post + "Content-Length: 99999999999999999999999\r\n\r\n"), "HTTP/1.1 400");
  // Chunks, which do not say how many will come.
  EXPECT_EQ(answer(post + "Transfer-Encoding: chunked\r\n\r\n400\r\n" + std::string(1024, ' ')), "HTTP/1.1 413");
  EXPECT_EQ(answer(post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n{}\n"), "HTTP/1.1 400");
  std::string flood = "GET /healthz HTTP/1.1\r\n";
  for (int i = 0; i < 2000; ++i) flood += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(answer(flood), "HTTP/1.1 431");
  EXPECT_EQ(answer("GET /" + std::string(20000, 'a')), "HTTP/1.1 431");
  EXPECT_EQ(answer("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Session: " + std::string(65, 's') + "\r\n\r\n"),
            "HTTP/1.1 400");
  ServerOptions large;
  const testing::Served other(large);
  EXPECT_EQ(Ask(other.server->port(), http::verb::post, "/reset", std::string(70000, ' ')).result_int(), 413U);
  const auto values = Ask(
      other.server->port(), http::verb::post, "/predict", R"({"state": [1)" + [] {
        std::string more;
        for (int i = 0; i < 100'000; ++i) more += ",1";
        return more;
      }() + "]}");
  EXPECT_EQ(values.result_int(), 400U);
  EXPECT_THAT(values.body(), ::testing::HasSubstr("more than 100000 values"));
  ExpectGoodAnswers(served);
}

}  // namespace
}  // namespace vlaq::serve
