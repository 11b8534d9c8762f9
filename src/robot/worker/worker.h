// The process that computes: answers on its standard output what it is asked on its standard input. Each message is
// four bytes of length, least first, then MessagePack: {task} begins an episode, {observation} is a step, {} one to
// warm up; the answer is {action} or {error, code}. The first message is an answer, to having been started.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "robot/inference.h"

namespace vlaq::robot::worker {

// Answers until its input ends. `opened`: whether there is a policy, which is told first; `inference` must not be null
// if it is. Errors: those of the two streams.
Status Answer(int input, int output, Inference* inference, const Status& opened);

// What both sides write and read.
std::string Frame(const std::string& message);
inline constexpr size_t kFrameHead = 4;
// The length that a head says. Errors: kBackend beyond 256 MiB.
Result<size_t> FrameLength(std::string_view head);

}  // namespace vlaq::robot::worker
