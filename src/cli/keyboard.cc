#include "cli/keyboard.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "base/interrupt.h"

namespace vlaq::cli {
namespace {

constexpr int kPauseMs = 20;  // how soon its end is seen

bool IsInForeground() { return isatty(STDIN_FILENO) != 0 && tcgetpgrp(STDIN_FILENO) == getpgrp(); }

}  // namespace

struct Keyboard::State {
  termios before{};
  std::atomic<bool> ended = false;
  std::thread thread;
  // A second Ctrl-C does not wait for the end.
  UndoneBySignal undone{[before = &before] { tcsetattr(STDIN_FILENO, TCSANOW, before); }};
};

std::unique_ptr<Keyboard> Keyboard::Listen(std::function<void(char)> pressed) {
  auto state = std::make_unique<State>();
  if (!IsInForeground() || tcgetattr(STDIN_FILENO, &state->before) != 0) return nullptr;
  termios by_key = state->before;
  by_key.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Ctrl-C stays what it is
  by_key.c_cc[VMIN] = 0;
  by_key.c_cc[VTIME] = 0;
  if (tcsetattr(STDIN_FILENO, TCSANOW, &by_key) != 0) return nullptr;
  state->thread = std::thread([state = state.get(), pressed = std::move(pressed)] {
    while (!state->ended) {
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (poll(&input, 1, kPauseMs) <= 0) continue;
      char key = 0;
      if (read(STDIN_FILENO, &key, 1) == 1) {
        pressed(key);
      } else {
        return;  // the terminal is gone
      }
    }
  });
  return std::unique_ptr<Keyboard>(new Keyboard(std::move(state)));
}

Keyboard::Keyboard(std::unique_ptr<State> state) : state_(std::move(state)) {}

Keyboard::~Keyboard() {
  state_->ended = true;
  state_->thread.join();
  tcsetattr(STDIN_FILENO, TCSANOW, &state_->before);
}

}  // namespace vlaq::cli
