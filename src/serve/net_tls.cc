#include <memory>

#include "serve/net_http.h"

namespace vlaq::serve {

void ServeTls(tcp::socket socket, NetState& state) {
  using Stream = beast::ssl_stream<beast::tcp_stream>;
  auto connection = std::make_shared<NetHttp<Stream>>(Stream(beast::tcp_stream(std::move(socket)), state.tls), state);
  beast::get_lowest_layer(connection->stream()).expires_after(state.io_timeout());
  connection->stream().async_handshake(asio::ssl::stream_base::server, [connection, &state](NetError error) {
    if (!error) connection->ReadHead(state.io_timeout());
  });
}

}  // namespace vlaq::serve
