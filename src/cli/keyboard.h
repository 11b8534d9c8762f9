// Keys pressed on the terminal, one at a time, without Enter.
#pragma once

#include <functional>
#include <memory>
#include <thread>

namespace vlaq::cli {

class Keyboard {
 public:
  // Calls `pressed` on a thread of its own while this lives. Null where standard input is no terminal, or this program
  // is not in its foreground.
  static std::unique_ptr<Keyboard> Listen(std::function<void(char)> pressed);
  // The terminal is as it was before.
  ~Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;

 private:
  struct State;
  explicit Keyboard(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::cli
