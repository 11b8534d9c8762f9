#include "serve/openpi.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "msgpack/decode.h"
#include "msgpack/encode.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace vlaq::serve {
namespace {

using msgpack::Map;
using msgpack::Value;

Value Number(double number) { return Value(Value::Data(number)); }

Value Texts(const std::vector<std::string>& texts) {
  msgpack::Array array;
  for (const std::string& text : texts) array.push_back(Value::Text(text));
  return Value(Value::Data(std::move(array)));
}

Value Shaped(const Shape& shape) {
  msgpack::Array array;
  for (const int64_t extent : shape) array.push_back(Value::Integer(extent));
  return Value(Value::Data(std::move(array)));
}

std::optional<double> NumberOf(const Value& value) {
  if (const auto* number = value.As<double>()) return *number;
  if (const auto* number = value.As<int64_t>()) return static_cast<double>(*number);
  if (const auto* number = value.As<uint64_t>()) return static_cast<double>(*number);
  if (const auto* tensor = value.As<Tensor>(); tensor != nullptr && tensor->size() == 1) {
    if (tensor->dtype() == DType::kF64) return tensor->data<double>()[0];
    if (tensor->dtype() == DType::kF32) return static_cast<double>(tensor->data<float>()[0]);
  }
  return std::nullopt;
}

Result<bool> FlagOf(const Value& value) {
  if (const auto* flag = value.As<bool>()) return *flag;
  if (const auto* tensor = value.As<Tensor>();
      tensor != nullptr && tensor->dtype() == DType::kBool && tensor->size() == 1) {
    return tensor->data<uint8_t>()[0] != 0;
  }
  return InputError("", "must be true or false");
}

Status ReadMembers(const Map& map, const std::string& prefix, Request& request);

Status ReadMember(const std::string& key, const Value& value, Request& request) {
  if (key == "reset") {
    VLAQ_ASSIGN_OR_RETURN(request.reset, FlagOf(value));
    return {};
  }
  if (const auto* tensor = value.As<Tensor>()) {
    request.values[key] = *tensor;
    return {};
  }
  if (const auto* text = value.As<std::string>()) {
    request.texts[key] = *text;
    return {};
  }
  if (const auto* map = value.As<Map>()) return ReadMembers(*map, key + "/", request);
  if (value.As<std::monostate>() != nullptr) return {};
  std::vector<double> numbers;
  const auto* list = value.As<msgpack::Array>();
  const msgpack::Array single = list == nullptr ? msgpack::Array{value} : msgpack::Array();
  for (const Value& item : list == nullptr ? single : *list) {
    const auto number = NumberOf(item);
    if (!number) return InputError("", "is neither an array, a text, a map nor a list of numbers");
    numbers.push_back(*number);
  }
  const Shape shape = list == nullptr ? Shape() : Shape{static_cast<int64_t>(numbers.size())};
  request.values[key] = Tensor::From<double>(shape, numbers);
  return {};
}

Status ReadMembers(const Map& map, const std::string& prefix, Request& request) {
  for (const auto& [name, value] : map) {
    const std::string key = prefix + name;
    if (Status read = ReadMember(key, value, request); !read.ok()) return Within(key, read.error());
  }
  return {};
}

}  // namespace

Result<std::string> OpenpiMetadata(const PolicyFeatures& features, const std::vector<std::string>& input_keys,
                                   const std::string& name) {
  const Feature& action = features.outputs.front();
  const bool has_chunk = action.shape.size() > 1;
  Map inputs;
  for (const Feature& input : features.inputs) {
    if (std::find(input_keys.begin(), input_keys.end(), input.name) == input_keys.end()) continue;
    Map described{{"type", Value::Text(Name(input.type))}, {"shape", Shaped(input.shape)}};
    if (!input.names.empty()) described.push_back({"names", Texts(input.names)});
    if (!input.units.empty()) described.push_back({"units", Texts(input.units)});
    inputs.push_back({input.name, Value(Value::Data(std::move(described)))});
  }
  Map metadata{{"policy", Value::Text(name)},
               {"input_keys", Texts(input_keys)},
               {"inputs", Value(Value::Data(std::move(inputs)))},
               {"action_dim", Value::Integer(action.shape.empty() ? 1 : action.shape.back())},
               {"chunk", Value::Integer(has_chunk ? action.shape.front() : 1)},
               {"period_s", Number(features.control_period_s)},
               {"names", Texts(action.names)},
               {"units", Texts(action.units)}};
  return msgpack::Encode(Value(Value::Data(std::move(metadata))));
}

Result<Request> OpenpiRequest(Bytes message) {
  VLAQ_ASSIGN_OR_RETURN(const Value value, msgpack::Decode(message));
  const Map* map = value.As<Map>();
  if (map == nullptr) return InputError("", "an observation must be a map");
  Request request;
  VLAQ_RETURN_IF_ERROR(ReadMembers(*map, "", request));
  return request;
}

Result<std::string> OpenpiReply(const PolicyFeatures& features, const Answer& answer, double previous_ms) {
  const std::string& main = features.outputs.front().name;
  Map reply;
  for (const auto& [name, tensor] : answer.outputs) {
    const bool is_row = name == main && tensor.rank() == 1;
    const Tensor value = is_row ? tensor.Reshaped({1, tensor.shape()[0]}) : tensor;
    reply.push_back({name == main ? "actions" : name, Value(Value::Data(value))});
  }
  reply.push_back({"policy_timing", Value(Value::Data(Map{{"infer_ms", Number(answer.infer_ms)}}))});
  Map timing{{"infer_ms", Number(answer.total_ms)}};
  if (previous_ms > 0) timing.push_back({"prev_total_ms", Number(previous_ms)});
  reply.push_back({"server_timing", Value(Value::Data(std::move(timing)))});
  return msgpack::Encode(Value(Value::Data(std::move(reply))));
}

}  // namespace vlaq::serve
