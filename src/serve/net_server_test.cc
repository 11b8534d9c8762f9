// The server as clients see it, over loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/json.h"
#include "msgpack/encode.h"
#include "serve/net_testing.h"

namespace vlaq::serve {
namespace {

using msgpack::Map;
using msgpack::Value;
using testing::Ask;
using testing::Exchange;
using ::testing::HasSubstr;
using testing::JsonOf;
using testing::OpenpiClient;
using testing::Prediction;
using testing::Served;
using ::testing::StartsWith;

// What the server says to a client that would like a websocket.
unsigned UpgradeStatus(uint16_t port, std::map<std::string, std::string> headers = {}) {
  headers.insert({{"Connection", "Upgrade"},
                  {"Upgrade", "websocket"},
                  {"Sec-WebSocket-Version", "13"},
                  {"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}});
  return Ask(port, http::verb::get, "/", "", headers).result_int();
}

TEST(ServerTest, OpenpiGetsMetadataAndActions) {
  const Served served;
  OpenpiClient client(served.server->port());
  EXPECT_EQ(*client.Receive().Find("action_dim")->As<int64_t>(), 2);
  for (const int seed : {1, 2}) {
    client.SendPicture(seed);
    static_cast<void>(client.Receive());
  }
  client.SendPicture(3);
  EXPECT_EQ(client.ReceiveActions(), testing::ActionsAlone({1, 2, 3}));
}

TEST(ServerTest, AWrongObservationIsTextAndCode1011) {
  const Served served;
  OpenpiClient client(served.server->port());
  static_cast<void>(client.Receive());
  client.Send("\xc1");
  static_cast<void>(client.Receive());
  EXPECT_THAT(client.text(), HasSubstr("byte 0: the type 0xc1 is not read"));
  EXPECT_EQ(client.close_code(), 1011);
  OpenpiClient next(served.server->port());  // its session is free again
  EXPECT_TRUE(next.is_open());
}

TEST(ServerTest, TextObservationsAreRefused) {
  const Served served;
  OpenpiClient client(served.server->port());
  static_cast<void>(client.Receive());
  client.Send("hello", false);
  static_cast<void>(client.Receive());
  EXPECT_THAT(client.text(), HasSubstr("binary"));
}

TEST(ServerTest, MessagesBeyondTheLimitCloseTheConnection) {
  const Served served(ServerOptions{.max_message_bytes = 1000});
  OpenpiClient client(served.server->port());
  static_cast<void>(client.Receive());
  client.Send(std::string(2000, 'x'));
  EXPECT_EQ(client.close_code(), 1009);
  EXPECT_EQ(Ask(served.server->port(), http::verb::post, "/predict", std::string(2000, 'x')).result_int(), 413U);
}

TEST(ServerTest, TheNextClientIsRefusedWhileAllSessionsAreInUse) {
  const Served served;
  const OpenpiClient first(served.server->port());
  const OpenpiClient second(served.server->port());
  EXPECT_FALSE(second.is_open());
  EXPECT_EQ(UpgradeStatus(served.server->port()), 503U);
  EXPECT_EQ(Ask(served.server->port(), http::verb::post, "/predict", Prediction(1)).result_int(), 503U);
}

// Whoever saw its connection end may come again at once, though the server has but one session.
TEST(ServerTest, WhoHasLeftMayComeAgainAtOnce) {
  const Served served;
  const std::vector<std::function<void(OpenpiClient&)>> leaves{
      [](OpenpiClient& client) {
        NetError error;
        client.socket().close(websocket::close_code::normal, error);
      },
      [](OpenpiClient& client) { client.socket().next_layer().close(); },
      [](OpenpiClient& client) {
        client.Send("no msgpack");
        static_cast<void>(client.Receive());  // what is wrong
        EXPECT_EQ(client.close_code(), 1011);
      },
  };
  constexpr int kRounds = 30;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t how = 0; how < leaves.size(); ++how) {
      OpenpiClient client(served.server->port());
      ASSERT_TRUE(client.is_open()) << "round " << round << ", after way " << (how + leaves.size() - 1) % leaves.size();
      static_cast<void>(client.Receive());
      leaves[how](client);
    }
  }
}

TEST(ServerTest, PingsAreAnsweredWhileThePolicyWorks) {
  const Served served({}, 2);
  testing::Held held;
  testing::Mailbox blocked;
  served.service->Submit(*served.service->Join(Tenure::kUntilLeave), held.Read(), blocked.Slot());
  OpenpiClient client(served.server->port());
  static_cast<void>(client.Receive());
  client.SendPicture(1);
  bool ponged = false;
  client.socket().control_callback([&](websocket::frame_type kind, beast::string_view) {
    if (kind != websocket::frame_type::pong) return;
    ponged = true;
    held.Release();  // only now may the policy go on
  });
  client.socket().ping({});
  EXPECT_EQ(client.ReceiveActions(), testing::ActionsAlone({1}));
  EXPECT_TRUE(ponged);
  static_cast<void>(blocked.Wait());
}

TEST(ServerTest, PredictionsOverHttp) {
  const Served served;
  http::response<http::string_body> response;
  for (const int seed : {1, 2}) response = Ask(served.server->port(), http::verb::post, "/predict", Prediction(seed));
  ASSERT_EQ(response.result_int(), 200U) << response.body();
  const Json json = JsonOf(response);
  const std::vector<float> alone = testing::ActionsAlone({1, 2});
  EXPECT_EQ(json["action"].get<std::vector<float>>(), std::vector<float>(alone.begin(), alone.begin() + 2));
  EXPECT_EQ(json["chunk_size"], 2);
  EXPECT_EQ(json["model_name"], "small");
  EXPECT_GT(json["latency_ms"].get<double>(), 0);
  EXPECT_EQ(Ask(served.server->port(), http::verb::post, "/reset").result_int(), 200U);
  EXPECT_EQ(JsonOf(Ask(served.server->port(), http::verb::post, "/predict", Prediction(3)))["actions"][0]
                .get<std::vector<float>>()[0],
            testing::ActionsAlone({3})[0]);
}

TEST(ServerTest, PredictionsOfMessagesOfOpenpi) {
  const Served served;
  Map map{{"image", Value(Value::Data(testing::Picture(1)))}};
  const std::string body = *msgpack::Encode(Value(Value::Data(std::move(map))));
  const auto response =
      Ask(served.server->port(), http::verb::post, "/predict", body, {{"Content-Type", "application/msgpack"}});
  ASSERT_EQ(response.result_int(), 200U) << response.body();
  EXPECT_EQ(JsonOf(response)["action"].get<std::vector<float>>()[0], testing::ActionsAlone({1})[0]);
  EXPECT_EQ(Ask(served.server->port(), http::verb::post, "/predict", body).result_int(), 400U);  // taken for JSON
}

TEST(ServerTest, WrongHttpRequestsAreAnsweredWithTheReason) {
  const Served served;
  const uint16_t port = served.server->port();
  const auto error_of = [&](http::verb method, const std::string& path, const std::string& body = "") {
    const auto response = Ask(port, method, path, body);
    return std::to_string(response.result_int()) + " " + JsonOf(response).value("error", "");
  };
  EXPECT_THAT(error_of(http::verb::post, "/predict", "{"), StartsWith("400 request"));
  EXPECT_THAT(error_of(http::verb::post, "/predict", "{}"), HasSubstr("lacks observation.images.front"));
  EXPECT_THAT(error_of(http::verb::post, "/reset", R"({"instruction": "go"})"), StartsWith("400 "));
  EXPECT_THAT(error_of(http::verb::post, "/reset", R"({"instructions": "go"})"), HasSubstr("instructions"));
  EXPECT_THAT(error_of(http::verb::get, "/predict"), StartsWith("405 "));
  EXPECT_THAT(error_of(http::verb::get, "/nothing"), StartsWith("404 "));
  EXPECT_THAT(error_of(http::verb::get, "/status"), StartsWith("404 "));  // without the page
  EXPECT_THAT(Exchange(port, "nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Exchange(port, "GET / HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_EQ(Exchange(port, "GET /healthz HT", true), "");
  EXPECT_EQ(Ask(port, http::verb::get, "/healthz").body(), "OK\n");  // still there
}

TEST(ServerTest, AKeyIsAskedForEverywhereButAtHealthz) {
  ServerOptions options;
  options.http.access.api_key = "secret";
  options.http.has_page = true;
  const Served served(options);
  const uint16_t port = served.server->port();
  EXPECT_EQ(Ask(port, http::verb::get, "/healthz").body(), "OK\n");
  EXPECT_EQ(Ask(port, http::verb::get, "/health").result_int(), 401U);
  EXPECT_EQ(Ask(port, http::verb::post, "/predict", Prediction(1)).result_int(), 401U);
  EXPECT_EQ(Ask(port, http::verb::post, "/stop").result_int(), 401U);
  EXPECT_EQ(Ask(port, http::verb::get, "/health", "", {{"X-API-Key", "secret"}}).result_int(), 200U);
  EXPECT_EQ(UpgradeStatus(port), 401U);
  EXPECT_EQ(UpgradeStatus(port, {{"Authorization", "Api-Key wrong"}}), 401U);
  EXPECT_EQ(UpgradeStatus(port, {{"Authorization", "Api-Key secret"}, {"Origin", "https://example.org"}}), 403U);
  EXPECT_TRUE(OpenpiClient(port, "secret").is_open());
  EXPECT_EQ(Ask(port, http::verb::post, "/stop", "", {{"Origin", "https://example.org"}, {"X-API-Key", "secret"}})
                .result_int(),
            403U);
}

TEST(ServerTest, TheEmergencyStopRefusesUntilResumed) {
  const Served served;
  const uint16_t port = served.server->port();
  EXPECT_EQ(JsonOf(Ask(port, http::verb::post, "/stop"))["stopped"], true);
  const auto refused = Ask(port, http::verb::post, "/predict", Prediction(1));
  EXPECT_EQ(refused.result_int(), 503U);
  EXPECT_THAT(refused.body(), HasSubstr("emergency stop"));
  EXPECT_THAT(Ask(port, http::verb::get, "/metrics").body(), HasSubstr("vlaq_stopped 1\n"));
  EXPECT_EQ(JsonOf(Ask(port, http::verb::post, "/resume"))["stopped"], false);
  EXPECT_EQ(Ask(port, http::verb::post, "/predict", Prediction(1)).result_int(), 200U);
  EXPECT_THAT(Ask(port, http::verb::get, "/metrics").body(),
              ::testing::AllOf(HasSubstr("vlaq_requests_total{outcome=\"done\"} 1\n"),
                               HasSubstr("vlaq_inference_seconds_count 1\n"), HasSubstr("outcome=\"stopped\"} 1\n")));
}

TEST(ServerTest, ThePageHasWhatItAsksFor) {
  ServerOptions options;
  options.http.has_page = true;
  const Served served(options);
  const uint16_t port = served.server->port();
  EXPECT_THAT(Ask(port, http::verb::get, "/?x=1").body(), StartsWith("<!doctype html>"));
  EXPECT_EQ(Ask(port, http::verb::get, "/camera.png").result_int(), 404U);
  EXPECT_EQ(Ask(port, http::verb::post, "/predict", Prediction(1)).result_int(), 200U);
  const auto png = Ask(port, http::verb::get, "/camera.png");
  EXPECT_EQ(png[http::field::content_type], "image/png");
  EXPECT_THAT(png.body(), HasSubstr("PNG"));
  const Json status = JsonOf(Ask(port, http::verb::get, "/status"));
  EXPECT_EQ(status["steps"], 1);
  EXPECT_EQ(status["action"].size(), 2U);
  EXPECT_EQ(status["camera"], testing::kCamera);
}

TEST(ServerTest, TooManyConnectionsAreClosed) {
  ServerOptions options;
  options.max_connections = 1;
  const Served served(options);
  asio::io_context io;
  tcp::socket first(io);
  first.connect({asio::ip::make_address("127.0.0.1"), served.server->port()});
  EXPECT_EQ(Exchange(served.server->port(), "GET /healthz HTTP/1.1\r\n\r\n"), "");
}

TEST(ServerTest, StoppingEndsOpenConnections) {
  Served served({}, 2);
  const uint16_t port = served.server->port();
  OpenpiClient client(port);
  static_cast<void>(client.Receive());
  std::thread stops([&] { served.server->Stop(); });
  EXPECT_EQ(client.close_code(), 1001);
  stops.join();
  // The port is free at once.
  const auto other = testing::OpenSmall();
  ServiceMonitor monitor(*other, "small");
  ServerOptions options;
  options.port = port;
  const auto again = Server::Start(other.get(), monitor, "small", options);
  EXPECT_TRUE(again.ok()) << again.error().ToString();
}

TEST(ServerTest, WhatCannotBeListenedOnIsAnError) {
  const auto service = testing::OpenSmall();
  ServiceMonitor monitor(*service, "small");
  const Served served;
  ServerOptions taken;
  taken.port = served.server->port();
  EXPECT_THAT(Server::Start(service.get(), monitor, "small", taken).error().ToString(),
              HasSubstr("cannot listen on 127.0.0.1 port"));
  ServerOptions half;
  half.port = 0;
  half.tls_key = "key.pem";
  EXPECT_THAT(Server::Start(service.get(), monitor, "small", half).error().ToString(), HasSubstr("TLS needs"));
  half.tls_certificate = "/nowhere/certificate.pem";
  EXPECT_THAT(Server::Start(service.get(), monitor, "small", half).error().ToString(),
              HasSubstr("/nowhere/certificate.pem: no TLS"));
}

}  // namespace
}  // namespace vlaq::serve
