// An inference process for tests: its actions count its steps; a task says what goes wrong.
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "robot/worker/worker.h"

namespace {

class Counting : public vlaq::robot::Inference {
 public:
  vlaq::Status Reset(const std::string& task) override {
    if (!task.empty()) task_ = task;
    steps_ = 0;
    if (task == "refuse") return vlaq::UsageError("no such task");
    return {};
  }
  vlaq::Result<vlaq::Tensor> WarmUp() override {
    const std::array<float, 2> nothing{};
    return vlaq::Tensor::From<float>({1, 2}, nothing);
  }
  vlaq::Result<vlaq::Tensor> Step(const vlaq::Observation& observation) override {
    ++steps_;
    if (task_ == "crash" && steps_ == 3) std::abort();
    if (task_ == "hang" && steps_ == 3) std::this_thread::sleep_for(std::chrono::hours(1));
    if (task_ == "fail" && steps_ == 3) return vlaq::Error{vlaq::ErrorCode::kBackend, "the graph broke", "", ""};
    if (task_ == "nonsense" && steps_ == 3) std::fputs("what", stdout), std::fflush(stdout), std::abort();
    const auto& pixels = observation.at("camera").data<uint8_t>();
    const std::array<float, 2> action{static_cast<float>(steps_), static_cast<float>(pixels[0])};
    return vlaq::Tensor::From<float>({1, 2}, action);
  }

 private:
  std::string task_;
  int steps_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Counting inference;
  const bool broken = argc > 1 && std::string(argv[1]) == "broken";
  const vlaq::Status opened = broken ? vlaq::Status(vlaq::InputError("policy", "is no bundle")) : vlaq::Status();
  return vlaq::robot::worker::Answer(STDIN_FILENO, STDOUT_FILENO, &inference, opened).ok() ? 0 : 1;
}
