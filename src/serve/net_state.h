// What all connections of a server share. Private to net_* files. Used by the thread of sockets only, but for what says
// otherwise.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "serve/net_asio.h"
#include "serve/server.h"

namespace vlaq::serve {

// A connection as the server sees it.
class NetConnection {
 public:
  virtual ~NetConnection() = default;
  // It ends as its protocol wants it to.
  virtual void Close() = 0;
  // The thread of sockets has ended before it: it lets go of itself.
  virtual void Abandon() = 0;
};

struct NetState {
  NetState(PolicyService* service_in, Monitor& monitor, const std::string& name_in, ServerOptions options_in)
      : options(std::move(options_in)),
        service(service_in),
        name(name_in),
        api(service_in, monitor, name_in, options.http) {}

  std::chrono::steady_clock::duration io_timeout() const { return Seconds(options.io_timeout_s); }
  std::chrono::steady_clock::duration idle_timeout() const { return Seconds(options.idle_timeout_s); }
  std::chrono::steady_clock::duration silence_timeout() const { return Seconds(options.silence_timeout_s); }

  const ServerOptions options;
  PolicyService* service;  // null: there is a page only
  const std::string name;
  HttpApi api;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  std::set<NetConnection*> connections;
  bool stops = false;
  asio::io_context slow;  // work that would hold up the thread of sockets; a thread of its own runs it
  asio::io_context io{1};

 private:
  static std::chrono::steady_clock::duration Seconds(double s) {
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(s));
  }
};

// Begins to serve a connection that was just accepted; it lives until its end.
void ServePlain(tcp::socket socket, NetState& state);
void ServeTls(tcp::socket socket, NetState& state);

}  // namespace vlaq::serve
