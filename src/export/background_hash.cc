#include "export/background_hash.h"

#include "base/hash.h"

namespace vlaq::exporting {
namespace {
constexpr size_t kMostPieces = 8;
}

BackgroundSha256::BackgroundSha256() : thread_([this] { Work(); }) {}

BackgroundSha256::~BackgroundSha256() {
  if (thread_.joinable()) FinishHex();
}

void BackgroundSha256::Update(Bytes bytes) {
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.size() < kMostPieces; });
  queue_.push_back(std::move(copy));
  changed_.notify_all();
}

std::string BackgroundSha256::FinishHex() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  thread_.join();
  return result_;
}

void BackgroundSha256::Work() {
  Sha256 hash;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (queue_.empty()) break;
    const std::vector<std::byte> piece = std::move(queue_.front());
    queue_.pop_front();
    changed_.notify_all();
    lock.unlock();
    hash.Update(piece);
    lock.lock();
  }
  result_ = hash.FinishHex();
}

}  // namespace vlaq::exporting
