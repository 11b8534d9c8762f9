// The server as clients see it, over loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/base64.h"
#include "base/json.h"
#include "base/random.h"
#include "msgpack/decode.h"
#include "msgpack/encode.h"
#include "serve/net_asio.h"
#include "serve/server.h"
#include "serve/service_monitor.h"
#include "serve/testing.h"

namespace vlaq::serve {
namespace {

using msgpack::Map;
using msgpack::Value;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kTimeout = std::chrono::seconds(10);

// A server with its policy, ended before the policy is.
struct Served {
  explicit Served(ServerOptions options = {}, size_t sessions = 1)
      : service(testing::OpenSmall(sessions)), monitor(*service, "small") {
    options.port = 0;
    auto started = Server::Start(service.get(), monitor, "small", std::move(options));
    if (!started.ok()) {
      ADD_FAILURE() << started.error().ToString();
      return;
    }
    server = std::move(*started);
  }
  std::unique_ptr<PolicyService> service;
  ServiceMonitor monitor;
  std::unique_ptr<Server> server;
};

// What comes back for these bytes, until the server closes or nothing more comes.
std::string Exchange(uint16_t port, const std::string& bytes, bool shut = false) {
  asio::io_context io;
  beast::tcp_stream stream(io);
  std::string received;
  stream.expires_after(kTimeout);
  NetError error;
  stream.socket().connect({asio::ip::make_address("127.0.0.1"), port}, error);
  asio::write(stream.socket(), asio::buffer(bytes), error);
  if (shut) stream.socket().shutdown(tcp::socket::shutdown_send, error);
  asio::read(stream.socket(), asio::dynamic_buffer(received), error);
  return received;
}

http::response<http::string_body> Ask(uint16_t port, http::verb method, const std::string& path,
                                      const std::string& body = "",
                                      const std::map<std::string, std::string>& headers = {}) {
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), port});
  http::request<http::string_body> request(method, path, 11);
  request.set(http::field::host, "127.0.0.1:" + std::to_string(port));
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = body;
  request.prepare_payload();
  NetError error;
  http::write(socket, request, error);
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(socket, buffer, response, error);
  return response;
}

Json JsonOf(const http::response<http::string_body>& response) { return Json::parse(response.body(), nullptr, false); }

std::string Prediction(int seed) {
  const Tensor picture = testing::Picture(seed);
  return Json{{"image", {{"shape", picture.shape()}, {"data", Base64(picture.bytes())}}}}.dump();
}

// What the server says to a client that would like a websocket.
unsigned UpgradeStatus(uint16_t port, std::map<std::string, std::string> headers = {}) {
  headers.insert({{"Connection", "Upgrade"},
                  {"Upgrade", "websocket"},
                  {"Sec-WebSocket-Version", "13"},
                  {"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}});
  return Ask(port, http::verb::get, "/", "", headers).result_int();
}

// A client of openpi.
class OpenpiClient {
 public:
  explicit OpenpiClient(uint16_t port, const std::string& key = "") {
    socket_.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    if (!key.empty()) {
      socket_.set_option(websocket::stream_base::decorator(
          [key](websocket::request_type& request) { request.set(http::field::authorization, "Api-Key " + key); }));
    }
    socket_.handshake("127.0.0.1:" + std::to_string(port), "/", error_);
  }
  bool is_open() const { return !error_; }

  void Send(const std::string& bytes, bool binary = true) {
    socket_.binary(binary);
    socket_.write(asio::buffer(bytes), error_);
  }
  void SendPicture(int seed) {
    Map map{{"observation/image", Value(testing::Picture(seed))}};
    Send(*msgpack::Encode(Value(Value::Data(std::move(map)))));
  }
  // The next message; its text, if it is one, in text().
  Value Receive() {
    beast::flat_buffer buffer;
    socket_.read(buffer, error_);
    const std::string bytes = beast::buffers_to_string(buffer.data());
    if (error_ || socket_.got_text()) {
      text_ = bytes;
      return {};
    }
    const auto value = msgpack::Decode(std::as_bytes(std::span(bytes)));
    EXPECT_TRUE(value.ok());
    return value.ok() ? *value : Value();
  }
  std::vector<float> ReceiveActions() {
    const Value reply = Receive();
    const Value* actions = reply.Find("actions");
    if (actions == nullptr || actions->As<Tensor>() == nullptr) return {};
    const auto numbers = actions->As<Tensor>()->data<float>();
    return {numbers.begin(), numbers.end()};
  }
  const std::string& text() const { return text_; }
  // Why the server closed.
  int close_code() {
    static_cast<void>(Receive());
    return socket_.reason().code;
  }
  websocket::stream<tcp::socket>& socket() { return socket_; }

 private:
  asio::io_context io_;
  websocket::stream<tcp::socket> socket_{io_};
  NetError error_;
  std::string text_;
};

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

TEST(ServerTest, PingsAreAnsweredWhileThePolicyWorks) {
  const Served served({}, 2);
  const auto blocker = served.service->Join(Tenure::kUntilLeave);
  std::atomic<bool> release{false};
  testing::Mailbox blocked;
  served.service->Submit(
      *blocker,
      [&release]() -> Result<Request> {
        while (!release) std::this_thread::yield();
        return testing::RequestOf(1);
      },
      blocked.Slot());
  OpenpiClient client(served.server->port());
  static_cast<void>(client.Receive());
  client.SendPicture(1);
  bool ponged = false;
  client.socket().control_callback([&](websocket::frame_type kind, beast::string_view) {
    if (kind != websocket::frame_type::pong) return;
    ponged = true;
    release = true;  // only now may the policy go on
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

TEST(ServerTest, DamagedBytesAreSurvived) {
  const Served served;
  const uint16_t port = served.server->port();
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  const std::string body = Prediction(1);
  const std::vector<std::string> whole{
      "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
      "POST /reset HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      upgrade + std::string("\x82\x81\x01\x02\x03\x04\x80", 7),  // a masked frame of one byte
      upgrade + std::string("\x89\x80\x01\x02\x03\x04", 6)};     // a ping
  Random random(7);
  constexpr int kVariants = 60;
  for (const std::string& original : whole) {
    for (int i = 0; i < kVariants; ++i) {
      std::string damaged = original;
      for (int hit = 0; hit < 1 + i % 3; ++hit)
        damaged[random.Next() % damaged.size()] = static_cast<char>(random.Next() % 256);
      if (i % 4 == 0) damaged.resize(random.Next() % damaged.size());
      static_cast<void>(Exchange(port, damaged, true));
    }
  }
  EXPECT_EQ(Ask(port, http::verb::get, "/healthz").body(), "OK\n");
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

TEST(ServerTest, SlowClientsLoseTheirConnection) {
  ServerOptions options;
  options.io_timeout_s = 0.1;
  const Served served(options);
  EXPECT_EQ(Exchange(served.server->port(), "GET /healthz HTTP/1.1\r\nHo"), "");
  EXPECT_EQ(Exchange(served.server->port(), "POST /predict HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"), "");
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
