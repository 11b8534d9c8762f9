#include "backend/onnxruntime/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/json.h"
#include "base/names.h"

namespace vlaq::backend {
namespace {

constexpr std::string_view kKernelSuffix = "_kernel_time";

// ONNX Runtime's words for element types.
constexpr std::array kTypes = {
    Named{DType::kBool, "bool"},     Named{DType::kU8, "uint8"},        Named{DType::kI8, "int8"},
    Named{DType::kU16, "uint16"},    Named{DType::kI16, "int16"},       Named{DType::kU32, "uint32"},
    Named{DType::kI32, "int32"},     Named{DType::kU64, "uint64"},      Named{DType::kI64, "int64"},
    Named{DType::kU4, "UInt4x2"},    Named{DType::kI4, "Int4x2"},       Named{DType::kF16, "float16"},
    Named{DType::kBF16, "bfloat16"}, Named{DType::kF32, "float"},       Named{DType::kF64, "double"},
    Named{DType::kC64, "complex64"}, Named{DType::kC128, "complex128"},
};

Error RefusedProfile(const std::string& where, std::string what) {
  return Error{ErrorCode::kBackend, std::move(what), where,
               "this version of ONNX Runtime writes another profile; take one that vlaq is tested with"};
}

// [{"float": [1, 65, 96]}, ...]
std::optional<std::vector<TypedShape>> ReadShapes(const Json& args, const char* key) {
  const auto list = args.find(key);
  if (list == args.end() || !list->is_array()) return std::nullopt;
  std::vector<TypedShape> shapes;
  for (const Json& item : *list) {
    if (!item.is_object() || item.size() != 1 || !item.begin()->is_array()) return std::nullopt;
    TypedShape shape{FindIn(kTypes, item.begin().key()), {}};
    for (const Json& extent : *item.begin()) {
      if (!extent.is_number_integer()) return std::nullopt;
      shape.shape.push_back(extent.get<int64_t>());
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

std::optional<std::string> ReadText(const Json& object, const char* key) {
  const auto text = object.find(key);
  if (text == object.end() || !text->is_string()) return std::nullopt;
  return text->get<std::string>();
}

Result<ExecutedNode> ReadNode(const Json& event, const std::string& name, const std::string& where) {
  const std::string place = fmt::format("{}: '{}'", where, name);
  const auto args = event.find("args");
  const auto duration = event.find("dur");
  if (args == event.end() || !args->is_object() || duration == event.end() || !duration->is_number()) {
    return RefusedProfile(place, "an event of a node has no args or no duration");
  }
  const auto op_type = ReadText(*args, "op_name");
  const auto provider = ReadText(*args, "provider");
  auto inputs = ReadShapes(*args, "input_type_shape");
  auto outputs = ReadShapes(*args, "output_type_shape");
  if (!op_type || !provider || !inputs || !outputs) {
    return RefusedProfile(place, "an event of a node does not name its operator, provider and shapes");
  }
  return ExecutedNode{
      name, *op_type, ShortProviderName(*provider), *std::move(inputs), *std::move(outputs), duration->get<double>()};
}

}  // namespace

std::string ShortProviderName(std::string provider) {
  constexpr std::string_view kSuffix = "ExecutionProvider";
  const size_t at = provider.rfind(kSuffix);
  if (at != std::string::npos) provider.resize(at);
  std::transform(provider.begin(), provider.end(), provider.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return provider;
}

Result<std::vector<ExecutedNode>> ParseOrtProfile(std::string_view text, const std::string& where) {
  const Json events = Json::parse(text, nullptr, false);
  if (!events.is_array()) return RefusedProfile(where, "is not a profile: no JSON array");
  std::vector<ExecutedNode> nodes;
  for (const Json& event : events) {
    if (!event.is_object()) return RefusedProfile(where, "is not a profile: an event is no object");
    const auto name = ReadText(event, "name");
    if (ReadText(event, "cat") != "Node" || !name || !name->ends_with(kKernelSuffix)) continue;
    VLAQ_ASSIGN_OR_RETURN(ExecutedNode node,
                          ReadNode(event, name->substr(0, name->size() - kKernelSuffix.size()), where));
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace vlaq::backend
