#include "base/background_hash.h"

#include <system_error>

namespace vlaq {
namespace {
constexpr size_t kMaxPieces = 8;  // enough to ride out a slow write
}

BackgroundSha256::BackgroundSha256() : free_(kMaxPieces) {
  try {
    thread_ = std::thread([this] { Work(); });
  } catch (const std::system_error&) {
    alone_.emplace();  // the system gives no thread
  }
}

BackgroundSha256::~BackgroundSha256() {
  if (thread_.joinable()) FinishHex();
}

void BackgroundSha256::Update(Bytes bytes) {
  if (alone_) return alone_->Update(bytes);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !free_.empty(); });
  std::vector<std::byte> buffer = std::move(free_.back());
  free_.pop_back();
  lock.unlock();
  buffer.assign(bytes.begin(), bytes.end());
  lock.lock();
  queue_.push_back(std::move(buffer));
  changed_.notify_all();
}

std::string BackgroundSha256::FinishHex() {
  if (alone_) return alone_->FinishHex();
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
    std::vector<std::byte> piece = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    hash.Update(piece);
    lock.lock();
    free_.push_back(std::move(piece));
    changed_.notify_all();
  }
  result_ = hash.FinishHex();
}

}  // namespace vlaq
