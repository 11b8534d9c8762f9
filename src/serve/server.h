// The server: one port for openpi's websocket protocol and for HTTP (http_api.h), plain or with TLS.
//
// One thread moves bytes and answers pings; it neither infers nor takes messages apart. Connections, their messages and
// the time they may take are bounded. Not aware of policies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/status.h"
#include "serve/http_api.h"
#include "serve/policy_service.h"

namespace vlaq::serve {

struct ServerOptions {
  std::string host = "127.0.0.1";                            // an address, or a name
  uint16_t port = 8000;                                      // 0: any that is free
  std::filesystem::path tls_certificate = {}, tls_key = {};  // PEM; both or none
  bool has_openpi = true;
  HttpSettings http = {};
  size_t max_message_bytes = size_t{32} << 20;  // of a websocket message, of a body
  size_t max_connections = 64;
  double io_timeout_s = 10;       // for a head, a body, a message, a response, a handshake
  double idle_timeout_s = 60;     // of an HTTP connection that asks nothing
  double silence_timeout_s = 10;  // of a websocket of which nothing comes; it is pinged at half of it
};

class Server {
 public:
  // Listens. `service` and `monitor` must outlive it; without a service nobody can ask for actions. `name`: of the
  // policy. Errors: kUsage for an address that cannot be listened on, or half of a TLS setting; kInput for a
  // certificate or key that cannot be read.
  static Result<std::unique_ptr<Server>> Start(PolicyService* service, Monitor& monitor, const std::string& name,
                                               ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const;
  // "127.0.0.1:8000", or "[::1]:8000"
  std::string address() const;
  // Closes all connections, within a second, and the service. Requests at work are answered with 503, websockets told
  // that the server goes.
  void Stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::serve
