// A small policy to serve, and observations for it. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "serve/policy_service.h"

namespace vlaq::serve::testing {

inline const char* SmallBundle() { return VLAQ_TESTDATA "/bundles/schema1/text"; }
inline constexpr const char* kCamera = "observation.images.front";

inline PolicyOptions ReferenceOptions() {
  PolicyOptions options;
  options.backend = "reference";
  return options;
}

inline std::unique_ptr<PolicyService> OpenSmall(size_t sessions = 1, double idle_s = 30) {
  ServiceOptions options;
  options.bundle = SmallBundle();
  options.policy = ReferenceOptions();
  options.sessions = sessions;
  options.idle_s = idle_s;
  auto service = PolicyService::Open(std::move(options));
  if (!service.ok()) {
    ADD_FAILURE() << service.error().ToString();
    return nullptr;
  }
  return std::move(*service);
}

// A camera's picture, another one for each seed.
inline Tensor Picture(int seed, int64_t height = 12, int64_t width = 16) {
  Tensor picture = Tensor::Make(DType::kU8, {height, width, 3});
  int value = seed * 17;
  for (uint8_t& byte : picture.mutable_data<uint8_t>()) byte = static_cast<uint8_t>((value += 37 + seed) % 251);
  return picture;
}

inline Request RequestOf(int seed) {
  Request request;
  request.values["image"] = Picture(seed);
  return request;
}

// The actions of an episode of these pictures by a policy that nobody else uses.
inline std::vector<float> ActionsAlone(const std::vector<int>& seeds) {
  auto policy = Policy::Open(SmallBundle(), ReferenceOptions());
  std::vector<float> last;
  if (!policy.ok()) return last;
  for (const int seed : seeds) {
    const auto outputs = policy->Step({{kCamera, Picture(seed)}});
    if (!outputs.ok()) return {};
    const auto actions = outputs->values.at(policy->outputs().front().name).data<float>();
    last.assign(actions.begin(), actions.end());
  }
  return last;
}

// Keeps one answer and lets a test wait for it.
class Mailbox {
 public:
  OnAnswer Slot() {
    return [state = state_](const Answer& answer) {
      const std::lock_guard lock(state->mutex);
      state->answer = answer;
      state->came.notify_all();
    };
  }
  // The answer, or a failure of the test after a while.
  Answer Wait() {
    std::unique_lock lock(state_->mutex);
    constexpr auto kLong = std::chrono::seconds(20);
    if (!state_->came.wait_for(lock, kLong, [this] { return state_->answer.has_value(); })) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    return *state_->answer;
  }
  bool has_answer() const {
    const std::lock_guard lock(state_->mutex);
    return state_->answer.has_value();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<Answer> answer;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// A request at work for as long as the test wants: the thread of the policy is held in it.
class Held {
 public:
  ReadRequest Read() {
    return [state = state_]() -> Result<Request> {
      state->began = true;
      while (!state->released) std::this_thread::yield();
      return RequestOf(1);
    };
  }
  void WaitUntilAtWork() const {
    while (!state_->began) std::this_thread::yield();
  }
  void Release() { state_->released = true; }
  Held() = default;
  ~Held() { Release(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  struct State {
    std::atomic<bool> began{false}, released{false};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

inline std::vector<float> ActionsOf(const Answer& answer) {
  if (answer.outcome != Outcome::kDone || answer.outputs.empty()) return {};
  const auto actions = answer.outputs.begin()->second.data<float>();
  return {actions.begin(), actions.end()};
}

}  // namespace vlaq::serve::testing
