#include "base/interrupt.h"

#include <mutex>
#include <utility>

namespace vlaq {
namespace {

struct Waiting {
  std::mutex mutex;
  std::function<void()> stop;
};
Waiting& WhoWaits() {
  static Waiting waiting;
  return waiting;
}

}  // namespace

WhenInterrupted::WhenInterrupted(std::function<void()> stop) {
  const std::lock_guard lock(WhoWaits().mutex);
  WhoWaits().stop = std::move(stop);
}

WhenInterrupted::~WhenInterrupted() {
  const std::lock_guard lock(WhoWaits().mutex);
  WhoWaits().stop = nullptr;
}

bool AskToStop() {
  const std::lock_guard lock(WhoWaits().mutex);
  if (!WhoWaits().stop) return false;
  std::exchange(WhoWaits().stop, nullptr)();
  return true;
}

}  // namespace vlaq
