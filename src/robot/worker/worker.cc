#include "robot/worker/worker.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "msgpack/decode.h"
#include "msgpack/encode.h"

namespace vlaq::robot::worker {
namespace {

using msgpack::Map;
using msgpack::Value;

constexpr size_t kLongest = size_t{1} << 28U;

Error StreamError(const char* what) {
  return {ErrorCode::kBackend, std::string(what) + ": " + std::strerror(errno), "inference process", ""};
}

// False at the end of the stream.
Result<bool> ReadAll(int input, char* to, size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(input, to, size);
    if (got == 0) return false;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return StreamError("the question cannot be read");
    to += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

Status WriteAll(int output, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(output, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return StreamError("the answer cannot be written");
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Value ErrorValue(const Error& error) {
  return Value(
      Map{{"error", Value::Text(error.ToString())}, {"code", Value::Integer(static_cast<int64_t>(error.code))}});
}

Result<Value> AnswerTo(const Value& question, Inference& inference) {
  if (const Value* task = question.Find("task"); task != nullptr && task->As<std::string>() != nullptr) {
    VLAQ_RETURN_IF_ERROR(inference.Reset(*task->As<std::string>()));
    return Value(Map{});
  }
  if (const Map* members = question.As<Map>(); members != nullptr && members->empty()) {
    VLAQ_ASSIGN_OR_RETURN(const Tensor action, inference.WarmUp());
    return Value(Map{{"action", Value(action)}});
  }
  const Value* given = question.Find("observation");
  if (given == nullptr || given->As<Map>() == nullptr)
    return InternalError("inference process", "was asked nothing that it knows");
  Observation observation;
  for (const auto& [name, value] : *given->As<Map>()) {
    if (const Tensor* tensor = value.As<Tensor>()) observation[name] = *tensor;
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor action, inference.Step(observation));
  return Value(Map{{"action", Value(action)}});
}

}  // namespace

std::string Frame(const std::string& message) {
  const auto size = static_cast<uint32_t>(message.size());
  return std::string(AsText(std::as_bytes(std::span(&size, 1)))) + message;
}

Result<size_t> FrameLength(std::string_view head) {
  const size_t length = LoadLittle<uint32_t>(AsBytes(head));
  if (length > kLongest) return Error{ErrorCode::kBackend, "a message of more than 256 MiB", "inference process", ""};
  return length;
}

Status Answer(int input, int output, Inference* inference, const Status& opened) {
  const auto say = [output](const Value& value) -> Status {
    VLAQ_ASSIGN_OR_RETURN(const std::string message, msgpack::Encode(value));
    return WriteAll(output, Frame(message));
  };
  VLAQ_RETURN_IF_ERROR(say(opened.ok() ? Value(Map{}) : ErrorValue(opened.error())));
  while (opened.ok()) {
    std::string head(kFrameHead, '\0');
    VLAQ_ASSIGN_OR_RETURN(const bool more, ReadAll(input, head.data(), head.size()));
    if (!more) return {};
    VLAQ_ASSIGN_OR_RETURN(const size_t length, FrameLength(head));
    std::string message(length, '\0');
    VLAQ_ASSIGN_OR_RETURN(const bool whole, ReadAll(input, message.data(), message.size()));
    if (!whole) return {};
    auto question = msgpack::Decode(AsBytes(message));
    if (!question.ok()) return question.error();
    auto answer = AnswerTo(*question, *inference);
    VLAQ_RETURN_IF_ERROR(say(answer.ok() ? *answer : ErrorValue(answer.error())));
  }
  return {};
}

}  // namespace vlaq::robot::worker
