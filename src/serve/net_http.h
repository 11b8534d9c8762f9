// A connection that speaks HTTP until it ends or becomes a websocket. Private to net_* files.
//
// One request at a time; a head that is to be refused is, before its body is read. Each part has its time, so a slow
// client loses its connection and nobody else anything.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/version.h"
#include "serve/net_state.h"
#include "serve/net_websocket.h"

namespace vlaq::serve {

template <typename Stream>
class NetHttp : public NetConnection, public std::enable_shared_from_this<NetHttp<Stream>> {
 public:
  NetHttp(Stream stream, NetState& state) : stream_(std::move(stream)), state_(state) {
    state_.connections.insert(this);
  }
  ~NetHttp() override { state_.connections.erase(this); }
  NetHttp(const NetHttp&) = delete;
  NetHttp& operator=(const NetHttp&) = delete;

  Stream& stream() { return stream_; }

  // The next request, whose head may come `after` so long.
  void ReadHead(std::chrono::steady_clock::duration after) {
    parser_.emplace();
    parser_->header_limit(kMostHeadBytes);
    parser_->body_limit(state_.options.max_message_bytes);
    Wait(after);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = this->shared_from_this()](NetError error, size_t) { self->TakeHead(error); });
  }

  // Who waits for an answer gets one, and an answer that is on its way is let through.
  void Close() override {
    if (waits_) return Answered(ErrorResponse(503, "the server ends"));
    if (!is_responding_) Drop();
  }
  void Abandon() override { waits_.reset(); }

 private:
  static constexpr uint32_t kMostHeadBytes = 16 << 10;

  void Wait(std::chrono::steady_clock::duration time) { beast::get_lowest_layer(stream_).expires_after(time); }

  void Drop() {
    NetError ignored;
    beast::get_lowest_layer(stream_).socket().close(ignored);
  }

  void TakeHead(NetError error) {
    if (error == http::error::body_limit) return Refuse(ErrorResponse(413, "the body is too large"));
    if (error == http::error::header_limit) return Refuse(ErrorResponse(431, "the head is too large"));
    if (error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return Refuse(ErrorResponse(400, "this is no HTTP: " + error.message()));
    }
    if (error) return Drop();
    const auto& message = parser_->get();
    const auto field = [&](std::string_view name) { return std::string(message[name]); };
    head_.method = std::string(message.method_string());
    head_.path = std::string(message.target());
    head_.path.resize(std::min(head_.path.size(), head_.path.find('?')));
    head_.host = field("Host");
    head_.origin = field("Origin");
    head_.authorization = field("Authorization");
    head_.api_key = field("X-API-Key");
    head_.content_type = field("Content-Type");
    head_.session = field("X-Session");
    if (websocket::is_upgrade(message)) return Upgrade();
    if (auto refused = state_.api.Refuse(head_)) return Refuse(std::move(*refused));
    Wait(state_.io_timeout());
    if (beast::iequals(message[http::field::expect], "100-continue")) return Continue();
    ReadBody();
  }

  // The client waits for a word before it sends its body.
  void Continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                      [self = this->shared_from_this()](NetError error, size_t) {
                        if (!error) self->ReadBody();
                      });
  }

  void ReadBody() {
    http::async_read(stream_, buffer_, *parser_, [self = this->shared_from_this()](NetError error, size_t) {
      if (error == http::error::body_limit) return self->Refuse(ErrorResponse(413, "the body is too large"));
      if (error) return self->Drop();
      self->Handle();
    });
  }

  void Handle() {
    beast::get_lowest_layer(stream_).expires_never();  // it is up to us now
    // Other threads hold it weakly: it must end on the thread of sockets.
    waits_ = this->shared_from_this();
    const auto respond = [weak = this->weak_from_this(), &state = state_](HttpResponse response) {
      auto shared = std::make_shared<HttpResponse>(std::move(response));
      asio::post(state.io, [weak, shared] {
        if (const auto self = weak.lock()) self->Answered(std::move(*shared));
      });
    };
    if (state_.api.IsSlow(head_)) {
      asio::post(state_.slow, [&state = state_, head = head_, respond] { state.api.Handle(head, {}, respond); });
    } else {
      state_.api.Handle(head_, std::move(parser_->get().body()), respond);
    }
  }

  void Answered(HttpResponse response) {
    const auto self = std::move(waits_);
    if (self == nullptr) return;  // was told that the server ends
    Respond(std::move(response), parser_->get().keep_alive() && !state_.stops);
  }

  // Without having read all that was sent: the connection cannot be used any further.
  void Refuse(HttpResponse response) { Respond(std::move(response), false); }

  void Respond(HttpResponse response, bool keep_alive) {
    is_responding_ = true;
    response_.emplace(static_cast<http::status>(response.status), parser_->get().version());
    response_->set(http::field::server, "vlaq/" + std::string(kVersion));
    response_->set(http::field::content_type, response.content_type);
    response_->set(http::field::cache_control, "no-store");
    response_->set("X-Content-Type-Options", "nosniff");
    if (response.status == 401) response_->set(http::field::www_authenticate, "Api-Key");
    response_->body() = std::move(response.body);
    response_->keep_alive(keep_alive);
    response_->prepare_payload();
    Wait(state_.io_timeout());
    http::async_write(stream_, *response_, [self = this->shared_from_this(), keep_alive](NetError error, size_t) {
      self->is_responding_ = false;
      if (error) return self->Drop();
      if (keep_alive && !self->state_.stops) return self->ReadHead(self->state_.idle_timeout());
      self->End();
    });
  }

  // Says that nothing more comes, and takes what still does for a moment: a close with bytes unread would be a reset,
  // which may take the response with it.
  void End() {
    NetError ignored;
    beast::get_lowest_layer(stream_).socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (state_.stops) return Drop();
    Wait(std::chrono::seconds(1));
    Drain();
  }
  void Drain() {
    buffer_.consume(buffer_.size());
    beast::get_lowest_layer(stream_).async_read_some(buffer_.prepare(kMostHeadBytes),
                                                     [self = this->shared_from_this()](NetError error, size_t) {
                                                       if (error) return self->Drop();
                                                       self->Drain();
                                                     });
  }

  void Upgrade() {
    if (!state_.options.has_openpi) return Refuse(ErrorResponse(404, "no websockets are served here"));
    if (auto refused = RefuseAccess(state_.options.http.access, head_, true)) return Refuse(std::move(*refused));
    if (head_.path != "/") return Refuse(ErrorResponse(404, "websockets are served at /"));
    const auto client = state_.service->Join(Tenure::kUntilLeave);
    if (!client.ok()) return Refuse(ErrorResponse(503, client.error().ToString()));
    std::make_shared<NetWebsocket<Stream>>(std::move(stream_), state_, *client)->Accept(parser_->release());
  }

  Stream stream_;
  NetState& state_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  HttpHead head_;
  std::shared_ptr<NetHttp> waits_;  // for an answer: itself, since nothing else keeps it
  bool is_responding_ = false;
};

}  // namespace vlaq::serve
