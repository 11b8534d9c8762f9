#include <memory>

#include "serve/net_http.h"

namespace vlaq::serve {

void ServePlain(tcp::socket socket, NetState& state) {
  auto connection = std::make_shared<NetHttp<beast::tcp_stream>>(beast::tcp_stream(std::move(socket)), state);
  connection->ReadHead(state.io_timeout());
}

}  // namespace vlaq::serve
