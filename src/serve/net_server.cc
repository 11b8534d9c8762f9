#include <fmt/format.h>

#include <exception>
#include <system_error>
#include <thread>

#include "serve/access.h"
#include "serve/net_state.h"
#include "serve/server.h"

namespace vlaq::serve {
namespace {

constexpr auto kGrace = std::chrono::seconds(1);               // for connections to end
constexpr auto kBeforeRetry = std::chrono::milliseconds(100);  // of accepting, when the system has no more sockets

Error NotListening(const ServerOptions& options, const NetError& error) {
  return UsageError(fmt::format("cannot listen on {} port {}: {}", options.host, options.port, error.message()),
                    "take another --host or --port");
}

// Errors: kInput naming the file.
Status LoadTls(const ServerOptions& options, asio::ssl::context& tls) {
  NetError error;
  // Python's clients of websockets read on one thread and send their request on another, which OpenSSL does not allow:
  // a ticket that comes meanwhile may lose that request. Nobody resumes sessions here.
  SSL_CTX_set_num_tickets(tls.native_handle(), 0);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                      asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                  error);
  if (!error) tls.use_certificate_chain_file(options.tls_certificate.string(), error);
  if (error) return InputError(options.tls_certificate.string(), "no TLS certificate in PEM: " + error.message());
  tls.use_private_key_file(options.tls_key.string(), asio::ssl::context::pem, error);
  if (error) {
    return InputError(options.tls_key.string(), "no TLS key in PEM that fits the certificate: " + error.message());
  }
  return {};
}

void RunUntilDone(asio::io_context& context) {
  while (true) {
    try {
      context.run();
      return;
    } catch (const std::exception&) {
      // What one connection threw (no memory for its message) has ended that connection, and is nobody else's.
    }
  }
}

}  // namespace

struct Server::State {
  State(PolicyService* service, Monitor& monitor, const std::string& name, ServerOptions options)
      : net(service, monitor, name, std::move(options)) {}

  Status Listen() {
    NetError error;
    tcp::resolver resolver(net.io);
    const auto found = resolver.resolve(net.options.host, std::to_string(net.options.port), error);
    if (error) return NotListening(net.options, error);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    // A server that was killed can be started again at once, though its connections linger.
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return NotListening(net.options, error);
    bound = acceptor.local_endpoint(error);
    if (error) return NotListening(net.options, error);
    return {};
  }

  void Accept() {
    acceptor.async_accept([this](NetError error, tcp::socket socket) {
      if (net.stops) return;
      if (error) {
        retry.expires_after(kBeforeRetry);
        retry.async_wait([this](NetError) {
          if (!net.stops) Accept();
        });
        return;
      }
      Serve(std::move(socket));
      Accept();
    });
  }

  void Serve(tcp::socket socket) {
    if (net.connections.size() >= net.options.max_connections) return;  // closes it
    NetError ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (net.options.tls_certificate.empty()) {
      ServePlain(std::move(socket), net);
    } else {
      ServeTls(std::move(socket), net);
    }
  }

  Status Start() {
    try {
      io_thread = std::thread([this] { RunUntilDone(net.io); });
      slow_thread = std::thread([this] { RunUntilDone(net.slow); });
    } catch (const std::system_error& error) {
      return Error{ErrorCode::kBackend, fmt::format("no thread for the server: {}", error.code().message()), "", ""};
    }
    return {};
  }

  // On the thread of sockets.
  void BeginToStop() {
    net.stops = true;
    NetError ignored;
    acceptor.close(ignored);
    retry.cancel();
    const std::set<NetConnection*> open = net.connections;
    for (NetConnection* connection : open) connection->Close();
    EndWhenClosed(std::chrono::steady_clock::now() + kGrace);
  }
  void EndWhenClosed(std::chrono::steady_clock::time_point deadline) {
    if (net.connections.empty() || std::chrono::steady_clock::now() >= deadline) return net.io.stop();
    constexpr auto kBetween = std::chrono::milliseconds(5);
    retry.expires_after(kBetween);
    retry.async_wait([this, deadline](NetError) { EndWhenClosed(deadline); });
  }

  NetState net;
  tcp::acceptor acceptor{net.io};
  asio::steady_timer retry{net.io};
  tcp::endpoint bound;
  std::thread io_thread, slow_thread;
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(net.io);
  asio::executor_work_guard<asio::io_context::executor_type> slow_work = asio::make_work_guard(net.slow);
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() { Stop(); }

Result<std::unique_ptr<Server>> Server::Start(PolicyService* service, Monitor& monitor, const std::string& name,
                                              ServerOptions options) {
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return UsageError("TLS needs a certificate and its key", "give both or none");
  }
  options.http.access.listens_on_loopback = IsLoopback(options.host);
  if (service == nullptr) options.has_openpi = options.http.has_predict = false;
  std::unique_ptr<Server> server(new Server(std::make_unique<State>(service, monitor, name, std::move(options))));
  State& state = *server->state_;
  if (!state.net.options.tls_certificate.empty()) VLAQ_RETURN_IF_ERROR(LoadTls(state.net.options, state.net.tls));
  VLAQ_RETURN_IF_ERROR(state.Listen());
  state.Accept();
  VLAQ_RETURN_IF_ERROR(state.Start());
  return server;
}

uint16_t Server::port() const { return state_->bound.port(); }

std::string Server::address() const {
  const std::string host = state_->bound.address().to_string();
  const bool is_v6 = state_->bound.address().is_v6();
  return is_v6 ? fmt::format("[{}]:{}", host, port()) : fmt::format("{}:{}", host, port());
}

void Server::Stop() {
  if (state_->io_thread.joinable()) {
    asio::post(state_->net.io, [this] { state_->BeginToStop(); });
    state_->io_thread.join();
    const std::set<NetConnection*> left = state_->net.connections;
    for (NetConnection* connection : left) connection->Abandon();
  }
  // Only now: answers of the service are posted to what is still there.
  if (state_->net.service != nullptr) state_->net.service->Close();
  state_->net.slow.stop();
  if (state_->slow_thread.joinable()) state_->slow_thread.join();
}

}  // namespace vlaq::serve
