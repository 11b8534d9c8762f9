// Any bytes as what a client sends over one connection of `vlaq serve`: HTTP, or a websocket with openpi's messages.
// Parsers, limits, routes and sessions are the server's own, with a small policy behind them; only the wire is a pair
// of local sockets. Whatever came, the connection ends when the client's side does, and what was answered is HTTP.
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <cstdlib>
#include <future>

#include "serve/net_http.h"
#include "serve/service_monitor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace vlaq::serve {
namespace {

using Local = asio::local::stream_protocol;
using Wire = beast::basic_stream<Local>;

constexpr size_t kSessions = 3;  // one over HTTP, one over a websocket, one of ours
constexpr auto kPatience = std::chrono::seconds(5);

std::unique_ptr<PolicyService> OpenService() {
  ServiceOptions options;
  options.bundle = VLAQ_TESTDATA "/bundles/schema1/text";
  options.policy.backend = "reference";
  options.sessions = kSessions;
  options.idle_s = 0;
  auto service = PolicyService::Open(std::move(options));
  if (!service.ok()) std::abort();
  return std::move(*service);
}

// Small, so that the limits are met.
ServerOptions SmallLimits() {
  ServerOptions options;
  options.max_message_bytes = size_t{2} << 10;
  options.http.pictures.max_side = 64;
  options.http.has_page = true;
  // Some clients are waited for so long: those that close their side within a message, after one that was an error.
  options.io_timeout_s = 0.1;
  return options;
}

struct Subject {
  std::unique_ptr<PolicyService> service = OpenService();
  ServiceMonitor monitor{*service, "fuzz"};
  NetState net{service.get(), monitor, "fuzz", SmallLimits()};
  PolicyService::ClientId ours = *service->Join(Tenure::kUntilLeave);

  Subject() = default;
  ~Subject() { service->Close(); }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  // All that can be done without waiting.
  void Poll() {
    net.io.restart();
    net.io.poll();
    net.slow.restart();
    net.slow.poll();
  }

  // Until what was asked so far is answered. Twice: a client has a request at work and one that waits.
  void AwaitAnswers() {
    for (int i = 0; i < 2; ++i) {
      std::promise<void> done;
      service->Reset(ours, {}, [&done](const Answer&) { done.set_value(); });
      done.get_future().wait();
    }
  }
};

class Client {
 public:
  explicit Client(Subject& subject) : subject_(subject), socket_(subject.net.io) {
    Local::socket other(subject.net.io);
    asio::local::connect_pair(socket_, other);
    socket_.non_blocking(true);
    std::make_shared<NetHttp<Wire>>(Wire(std::move(other)), subject.net)->ReadHead(kPatience);
  }

  // A head by itself, as clients of websockets send it: the server need not take more than it asked for.
  void Send(std::string_view bytes) {
    constexpr std::string_view kEndOfHead = "\r\n\r\n";
    while (!bytes.empty() && !is_closed_) {
      const size_t end = bytes.find(kEndOfHead);
      const auto piece = bytes.substr(0, end == std::string_view::npos ? end : end + kEndOfHead.size());
      NetError error;
      bytes.remove_prefix(socket_.write_some(asio::buffer(piece.data(), piece.size()), error));
      is_closed_ = error && error != asio::error::would_block;
      subject_.Poll();
      Receive();
    }
  }

  void Receive() {
    std::array<char, 4096> piece{};
    NetError error;
    while (const size_t size = socket_.read_some(asio::buffer(piece), error)) {
      received_.append(piece.data(), std::min(size, kKept - std::min(kKept, received_.size())));
    }
  }

  void End() {
    NetError ignored;
    socket_.shutdown(Local::socket::shutdown_send, ignored);
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!subject_.net.connections.empty()) {
      subject_.Poll();
      subject_.net.io.restart();
      subject_.net.io.run_one_for(std::chrono::milliseconds(1));
      Receive();
      if (std::chrono::steady_clock::now() > deadline) std::abort();
    }
    Receive();
    if (!received_.empty() && !received_.starts_with("HTTP/1.")) std::abort();
  }

 private:
  static constexpr size_t kKept = 64;

  Subject& subject_;
  Local::socket socket_;
  std::string received_;
  bool is_closed_ = false;
};

}  // namespace
}  // namespace vlaq::serve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static vlaq::serve::Subject subject;
  subject.service->Resume();  // an input before may have been a stop
  vlaq::serve::Client client(subject);
  client.Send({reinterpret_cast<const char*>(data), size});
  subject.AwaitAnswers();
  subject.Poll();
  client.Receive();
  client.End();
  return 0;
}
