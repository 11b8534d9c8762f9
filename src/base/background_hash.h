// SHA-256 beside other work.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"

namespace vlaq {

// Hashes a stream on its own thread, or at once where the system gives none. Update() and Finish() are called by one
// thread; a few pieces wait in a queue, then Update() waits. Pieces should be of similar size.
class BackgroundSha256 {
 public:
  BackgroundSha256();
  ~BackgroundSha256();
  BackgroundSha256(const BackgroundSha256&) = delete;
  BackgroundSha256& operator=(const BackgroundSha256&) = delete;

  void Update(Bytes bytes);
  // 64 hexadecimal digits; nothing may follow.
  std::string FinishHex();

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<std::byte>> queue_;  // full buffers
  std::vector<std::vector<std::byte>> free_;  // the same few buffers are used again and again
  bool closed_ = false;
  std::string result_;
  std::optional<Sha256> alone_;  // where there is no thread
  std::thread thread_;
};

}  // namespace vlaq
