// A websocket that speaks openpi's protocol. Private to net_* files.
//
// It reads while the policy is at work, so that pings are answered; who sends the next observation before the last was
// answered has it replace the one that waits. The policy's answers come on another thread and are passed to this one.
// A message that has begun has its time to end, and who answers no pings is gone: neither keeps its session for long.
//
// A connection owns itself until End(), and what waits for the socket knows it weakly: in Beast 1.74 reading and
// closing may wait for each other for ever, and would else keep it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "serve/net_state.h"
#include "serve/openpi.h"

namespace vlaq::serve {

template <typename Stream>
class NetWebsocket : public NetConnection, public std::enable_shared_from_this<NetWebsocket<Stream>> {
 public:
  NetWebsocket(Stream stream, NetState& state, PolicyService::ClientId client)
      : socket_(std::move(stream)), state_(state), client_(client), patience_(state.io) {
    state_.connections.insert(this);
  }
  ~NetWebsocket() override {
    state_.connections.erase(this);
    state_.service->Leave(client_);
  }
  NetWebsocket(const NetWebsocket&) = delete;
  NetWebsocket& operator=(const NetWebsocket&) = delete;

  void Accept(const http::request<http::string_body>& request) {
    beast::get_lowest_layer(socket_).expires_never();  // it has timeouts of its own
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = state_.io_timeout();
    timeout.idle_timeout = state_.silence_timeout();
    timeout.keep_alive_pings = true;
    socket_.set_option(timeout);
    socket_.read_message_max(state_.options.max_message_bytes);
    socket_.auto_fragment(false);
    // Before the client can know that the server has seen its close: it may come again at once.
    socket_.control_callback([this](websocket::frame_type kind, beast::string_view) {
      if (kind == websocket::frame_type::close) state_.service->Leave(client_);
    });
    self_ = this->shared_from_this();
    socket_.async_accept(request, [weak = this->weak_from_this()](NetError error) {
      if (const auto self = weak.lock()) error ? self->End() : self->Begin();
    });
  }

  void Close() override { CloseWith(websocket::close_code::going_away); }
  void Abandon() override { self_.reset(); }

 private:
  struct Frame {
    std::string bytes;
    bool is_text = false;  // an error, and the last one
  };
  static constexpr int kTurns = 16;          // of the loop of events
  static constexpr size_t kMostUnsent = 16;  // frames; a client that reads none of them is gone

  void Begin() {
    auto metadata = OpenpiMetadata(state_.service->features(), state_.service->keys().Wanted(), state_.name);
    if (!metadata.ok()) return Fail(metadata.error().ToString());
    Send({std::move(*metadata)});
    Read();
  }

  void Read() {
    socket_.async_read_some(buffer_, 0, [weak = this->weak_from_this()](NetError error, size_t /*bytes*/) {
      if (const auto self = weak.lock()) error ? self->HearNoMore() : self->TakePart();
    });
  }

  // The client's side has ended; what it was to be told may still reach it.
  void HearNoMore() {
    hears_ = false;
    if (unsent_.empty() || is_closing_) End();
  }

  void TakePart() {
    if (ends_) return;  // closing reads the rest itself
    const bool had_begun = std::exchange(has_begun_, !socket_.is_message_done());
    if (!has_begun_) return Take();
    if (!had_begun) LimitTime();
    Read();
  }

  // For the message that has begun, or for the client to read why it is closed and to close, too.
  void LimitTime() {
    patience_.expires_after(state_.io_timeout());
    patience_.async_wait([weak = this->weak_from_this()](NetError error) {
      const auto self = weak.lock();
      if (error || self == nullptr) return;
      // It may have expired just when the message ended.
      const bool is_over = self->patience_.expiry() <= std::chrono::steady_clock::now();
      if (is_over && (self->has_begun_ || self->ends_)) self->End();
    });
  }

  void Take() {
    patience_.cancel();
    const auto data = buffer_.cdata();
    auto message = std::make_shared<const std::string>(static_cast<const char*>(data.data()), data.size());
    buffer_.consume(buffer_.size());
    if (socket_.got_text()) return Fail("observations are binary messages");
    const auto read = [message = std::move(message)] { return OpenpiRequest(std::as_bytes(std::span(*message))); };
    // The service may answer after this connection is gone, but not after the server is.
    const std::weak_ptr<NetWebsocket> weak = this->weak_from_this();
    state_.service->Submit(client_, read, [weak, &state = state_](const Answer& answer) {
      asio::post(state.io, [weak, answer] {
        if (const auto self = weak.lock()) self->Reply(answer);
      });
    });
    Read();
  }

  void Reply(const Answer& answer) {
    if (answer.outcome == Outcome::kReplaced) return;  // answers have no names: one for each would shift the others
    if (answer.outcome != Outcome::kDone) return Fail(answer.error.ToString());
    auto reply = OpenpiReply(state_.service->features(), answer, previous_ms_);
    if (!reply.ok()) return Fail(reply.error().ToString());
    previous_ms_ = answer.total_ms;
    Send({std::move(*reply)});
  }

  // openpi's way to say that something is wrong: a text, and the end. The session is free at once for the next client,
  // also while this one does not close.
  void Fail(const std::string& text) {
    state_.service->Leave(client_);
    Send({text, true});
    LimitTime();
  }

  void Send(Frame frame) {
    if (ends_) return;
    ends_ = frame.is_text;
    unsent_.push_back(std::move(frame));
    if (unsent_.size() > kMostUnsent) return End();
    if (unsent_.size() == 1) WriteFirst();
  }

  void WriteFirst() {
    const Frame& frame = unsent_.front();
    socket_.text(frame.is_text);
    socket_.async_write(asio::buffer(frame.bytes), [weak = this->weak_from_this()](NetError error, size_t /*bytes*/) {
      if (const auto self = weak.lock()) error ? self->End() : self->Written();
    });
  }

  void Written() {
    const bool was_last = unsent_.front().is_text;
    unsent_.pop_front();
    if (was_last || is_closing_) return CloseWith(websocket::close_code::internal_error);
    if (!unsent_.empty()) return WriteFirst();
    if (!hears_) End();
  }

  void CloseWith(websocket::close_code code) {
    ends_ = true;
    if (!socket_.is_open()) return End();
    if (std::exchange(is_closing_, true)) return;
    socket_.async_close(code, [weak = this->weak_from_this()](NetError /*error*/) {
      if (const auto self = weak.lock()) self->End();
    });
  }

  // Nothing more is waited for. What the layers below still do ends as the socket is closed, and needs them until then;
  // the session is free before the client sees the end.
  void End() {
    if (self_ == nullptr) return;
    state_.service->Leave(client_);
    NetError ignored;
    beast::get_lowest_layer(socket_).socket().close(ignored);
    Outlast(std::move(self_), kTurns);
  }
  static void Outlast(std::shared_ptr<NetWebsocket> self, int turns) {
    asio::io_context& io = self->state_.io;
    asio::post(io, [self = std::move(self), turns]() mutable {
      if (turns > 0) Outlast(std::move(self), turns - 1);
    });
  }

  std::shared_ptr<NetWebsocket> self_;
  websocket::stream<Stream> socket_;
  NetState& state_;
  const PolicyService::ClientId client_;
  beast::flat_buffer buffer_;
  std::deque<Frame> unsent_;
  double previous_ms_ = 0;
  asio::steady_timer patience_;  // for the message that has begun
  bool has_begun_ = false;
  bool hears_ = true;
  bool ends_ = false;        // nothing more is sent
  bool is_closing_ = false;  // the close frame is
};

}  // namespace vlaq::serve
