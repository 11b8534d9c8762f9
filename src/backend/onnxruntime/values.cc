#include "backend/onnxruntime/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace vlaq::backend {
namespace {

struct Row {
  ONNXTensorElementDataType type;
  DType dtype;
};

constexpr std::array kRows{
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DType::kF32},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DType::kU8},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DType::kI8},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DType::kU16},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DType::kI16},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DType::kI32},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DType::kI64},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DType::kBool},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, DType::kF16},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DType::kF64},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DType::kU32},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DType::kU64},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64, DType::kC64},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128, DType::kC128},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, DType::kBF16},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FN, DType::kF8E4M3FN},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FNUZ, DType::kF8E4M3FNUZ},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2, DType::kF8E5M2},
    Row{ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ, DType::kF8E5M2FNUZ},
};

Error BadValue(std::string what) { return Error{ErrorCode::kBackend, std::move(what), "ONNX Runtime", ""}; }

}  // namespace

std::optional<DType> DTypeOf(ONNXTensorElementDataType type) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.type == type; });
  if (row == kRows.end()) return std::nullopt;
  return row->dtype;
}

std::optional<ONNXTensorElementDataType> ElementTypeOf(DType dtype) {
  const auto* row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.dtype == dtype; });
  if (row == kRows.end()) return std::nullopt;
  return row->type;
}

Result<Ort::Value> BorrowedValue(const Tensor& tensor) {
  const auto type = ElementTypeOf(tensor.dtype());
  if (!type) return UsageError(fmt::format("ONNX Runtime has no element type {}", DTypeName(tensor.dtype())));
  static const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
  // ORT only reads inputs; its interface has no const.
  void* data = const_cast<std::byte*>(tensor.bytes().data());
  return Ort::Value::CreateTensor(memory, data, tensor.bytes().size(), tensor.shape().data(), tensor.shape().size(),
                                  *type);
}

Result<Tensor> OwningTensor(Ort::Value value) {
  if (!value.HasValue() || !value.IsTensor()) return BadValue("gave an output that is not a tensor");
  const auto info = value.GetTensorTypeAndShapeInfo();
  const auto dtype = DTypeOf(info.GetElementType());
  if (!dtype)
    return BadValue(fmt::format("gave an output of element type {}", static_cast<int>(info.GetElementType())));
  Shape shape = info.GetShape();
  const auto size = ByteCount(*dtype, shape);
  if (!size) return BadValue(fmt::format("gave an output of shape {}", ShapeText(shape)));
  auto owner = std::make_shared<Ort::Value>(std::move(value));
  const auto* data = static_cast<const std::byte*>(owner->GetTensorRawData());
  return Tensor::View(*dtype, std::move(shape), {data, static_cast<size_t>(*size)}, std::move(owner));
}

Result<Port> DescribePort(const std::string& name, const Ort::TypeInfo& info) {
  if (info.GetONNXType() != ONNX_TYPE_TENSOR) return BadValue(fmt::format("'{}' of the model is not a tensor", name));
  const auto tensor = info.GetTensorTypeAndShapeInfo();
  const auto dtype = DTypeOf(tensor.GetElementType());
  if (!dtype) {
    return BadValue(fmt::format("'{}' of the model has the element type {}, which is not supported", name,
                                static_cast<int>(tensor.GetElementType())));
  }
  Port port{name, *dtype, tensor.GetShape(), {}};
  std::vector<const char*> names(port.dims.size());
  tensor.GetSymbolicDimensions(names.data(), names.size());
  for (const char* dim : names) port.dim_names.emplace_back(dim != nullptr ? dim : "");
  return port;
}

}  // namespace vlaq::backend
