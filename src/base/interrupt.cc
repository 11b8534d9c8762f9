#include "base/interrupt.h"

#include <map>
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

struct Lasting {
  std::mutex mutex;
  std::map<const UndoneBySignal*, std::function<void()>> undo;
};
Lasting& WhatLasts() {
  static Lasting lasting;
  return lasting;
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

UndoneBySignal::UndoneBySignal(std::function<void()> undo) {
  const std::lock_guard lock(WhatLasts().mutex);
  WhatLasts().undo.emplace(this, std::move(undo));
}

UndoneBySignal::~UndoneBySignal() {
  const std::lock_guard lock(WhatLasts().mutex);
  WhatLasts().undo.erase(this);
}

void UndoWhatLasts() {
  const std::lock_guard lock(WhatLasts().mutex);
  for (const auto& [lasts, undo] : WhatLasts().undo) undo();
  WhatLasts().undo.clear();
}

}  // namespace vlaq
