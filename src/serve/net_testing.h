// A server on loopback and clients of it. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/json.h"
#include "msgpack/decode.h"
#include "msgpack/encode.h"
#include "serve/net_asio.h"
#include "serve/server.h"
#include "serve/service_monitor.h"
#include "serve/testing.h"

namespace vlaq::serve::testing {

inline constexpr auto kTimeout = std::chrono::seconds(10);

// A client's request for a websocket.
inline constexpr const char* kUpgrade =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

// A server with its policy, ended before the policy is.
struct Served {
  explicit Served(ServerOptions options = {}, size_t sessions = 1)
      : service(OpenSmall(sessions)), monitor(*service, "small") {
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

// What comes back for these bytes, until the server closes, which it must in time. `shut`: the client sends no more.
inline std::string Exchange(uint16_t port, const std::string& bytes, bool shut = false) {
  asio::io_context io;
  tcp::socket socket(io);
  NetError error;
  socket.connect({asio::ip::make_address("127.0.0.1"), port}, error);
  asio::write(socket, asio::buffer(bytes), error);
  if (shut) socket.shutdown(tcp::socket::shutdown_send, error);
  std::string received;
  asio::async_read(socket, asio::dynamic_buffer(received), [](NetError, size_t) {});
  io.run_for(kTimeout);
  EXPECT_TRUE(io.stopped()) << "the server does not close";
  return io.stopped() ? received : "";
}

inline http::response<http::string_body> Ask(uint16_t port, http::verb method, const std::string& path,
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

inline Json JsonOf(const http::response<http::string_body>& response) {
  return Json::parse(response.body(), nullptr, false);
}

inline std::string Prediction(int seed) {
  const Tensor picture = Picture(seed);
  return Json{{"image", {{"shape", picture.shape()}, {"data", Base64(picture.bytes())}}}}.dump();
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
    msgpack::Map map{{"observation/image", msgpack::Value(Picture(seed))}};
    Send(*msgpack::Encode(msgpack::Value(msgpack::Value::Data(std::move(map)))));
  }
  // The next message; its text, if it is one, in text().
  msgpack::Value Receive() {
    beast::flat_buffer buffer;
    error_ = asio::error::timed_out;
    socket_.async_read(buffer, [this](NetError error, size_t) { error_ = error; });
    io_.restart();
    io_.run_for(kTimeout);
    EXPECT_TRUE(io_.stopped()) << "the server neither answers nor closes";
    const std::string bytes = beast::buffers_to_string(buffer.data());
    if (error_ || socket_.got_text()) {
      text_ = bytes;
      return {};
    }
    const auto value = msgpack::Decode(std::as_bytes(std::span(bytes)));
    EXPECT_TRUE(value.ok());
    return value.ok() ? *value : msgpack::Value();
  }
  std::vector<float> ReceiveActions() {
    const msgpack::Value reply = Receive();
    const msgpack::Value* actions = reply.Find("actions");
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

}  // namespace vlaq::serve::testing
