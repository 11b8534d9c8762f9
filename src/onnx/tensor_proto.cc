#include "onnx/tensor_proto.h"

#include <fmt/format.h>

#include <charconv>

#include "onnx/dtype_codes.h"
#include "onnx/external_path.h"

namespace vlaq::onnx {
namespace {

using ::onnx::TensorProto;

struct Declared {
  DType dtype;
  Shape shape;
  uint64_t bytes;
};

Result<Declared> ReadDeclaration(const TensorProto& proto) {
  const auto dtype = DTypeOfCode(proto.data_type());
  if (!dtype) {
    return InputError("", fmt::format("elements of ONNX type {} are not supported", CodeName(proto.data_type())));
  }
  if (proto.has_segment()) return InputError("", "segmented tensors are not supported");
  Shape shape(proto.dims().begin(), proto.dims().end());
  const auto bytes = ByteCount(*dtype, shape);
  if (!bytes) return InputError("", fmt::format("impossible shape {}", ShapeText(shape)));
  return Declared{*dtype, std::move(shape), *bytes};
}

// Which typed field a dtype's elements are stored in, and how many entries of it make one element.
enum class Field { kFloat, kInt32, kInt64, kDouble, kUint64 };

Field FieldOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kC64:
      return Field::kFloat;
    case DType::kF64:
    case DType::kC128:
      return Field::kDouble;
    case DType::kI64:
      return Field::kInt64;
    case DType::kU32:
    case DType::kU64:
      return Field::kUint64;
    case DType::kBool:
    case DType::kU8:
    case DType::kU4:
    case DType::kI4:
    case DType::kI8:
    case DType::kU16:
    case DType::kI16:
    case DType::kI32:
    case DType::kF8E4M3FN:
    case DType::kF8E5M2:
    case DType::kF8E4M3FNUZ:
    case DType::kF8E5M2FNUZ:
    case DType::kF8E8M0FNU:
    case DType::kF6E2M3FN:
    case DType::kF6E3M2FN:
    case DType::kF4E2M1FN:
    case DType::kF16:
    case DType::kBF16:
      return Field::kInt32;
  }
  return Field::kInt32;
}

// Copies the low `item` bytes of every entry: the typed fields hold narrow types in wider little-endian integers.
template <typename Entries>
Result<Tensor> Narrow(const Declared& declared, const Entries& entries, size_t item) {
  if (static_cast<uint64_t>(entries.size()) * item != declared.bytes) {
    return InputError(
        "", fmt::format("{} {} needs {} bytes, but {} entries of {} bytes are stored", DTypeName(declared.dtype),
                        ShapeText(declared.shape), declared.bytes, entries.size(), item));
  }
  Tensor tensor = Tensor::Make(declared.dtype, declared.shape);
  std::byte* to = tensor.mutable_bytes().data();
  for (const auto& entry : entries) {
    std::memcpy(to, &entry, item);
    to += item;
  }
  return tensor;
}

Result<Tensor> ReadTyped(const Declared& declared, const TensorProto& proto) {
  const size_t item = std::max<size_t>(1, DTypeBits(declared.dtype) / 8);  // packed types: one entry per byte
  switch (FieldOf(declared.dtype)) {
    case Field::kFloat:
      return Narrow(declared, proto.float_data(), sizeof(float));
    case Field::kDouble:
      return Narrow(declared, proto.double_data(), sizeof(double));
    case Field::kInt32:
      return Narrow(declared, proto.int32_data(), item);
    case Field::kInt64:
      return Narrow(declared, proto.int64_data(), item);
    case Field::kUint64:
      return Narrow(declared, proto.uint64_data(), item);
  }
  return InternalError("", "no such field");
}

Result<uint64_t> ParseNumber(const std::string& key, const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InputError("", fmt::format("external data entry {} = '{}' is not a number", key, text.substr(0, 40)));
  }
  return number;
}

Result<ExternalData> ReadExternal(const TensorProto& proto, uint64_t bytes) {
  ExternalData external;
  external.length = bytes;  // the length may be left out
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      external.location = entry.value();
    } else if (entry.key() == "offset") {
      VLAQ_ASSIGN_OR_RETURN(external.offset, ParseNumber(entry.key(), entry.value()));
    } else if (entry.key() == "length") {
      VLAQ_ASSIGN_OR_RETURN(external.length, ParseNumber(entry.key(), entry.value()));
    }
  }
  VLAQ_RETURN_IF_ERROR(CheckLocation(external.location));
  return external;
}

bool IsExternal(const TensorProto& proto) { return proto.data_location() == TensorProto::EXTERNAL; }

Status WriteDeclaration(DType dtype, const Shape& shape, TensorProto& proto) {
  const auto code = CodeOfDType(dtype);
  if (!code) return InternalError("", fmt::format("ONNX has no element type {}", DTypeName(dtype)));
  proto.set_data_type(*code);
  for (const int64_t extent : shape) proto.add_dims(extent);
  return {};
}

void AddEntry(TensorProto& proto, std::string key, std::string value) {
  auto* entry = proto.add_external_data();
  entry->set_key(std::move(key));
  entry->set_value(std::move(value));
}

}  // namespace

Result<Tensor> ReadTensor(const TensorProto& proto, const std::shared_ptr<const void>& owner) {
  if (IsExternal(proto)) return InputError("", "external data is only supported for initializers");
  VLAQ_ASSIGN_OR_RETURN(const Declared declared, ReadDeclaration(proto));
  if (!proto.has_raw_data()) return ReadTyped(declared, proto);
  const Bytes raw = AsBytes(proto.raw_data());
  if (raw.size() != declared.bytes) {
    return InputError("", fmt::format("{} {} needs {} bytes, but {} are stored", DTypeName(declared.dtype),
                                      ShapeText(declared.shape), declared.bytes, raw.size()));
  }
  // Strings of protobuf are at least 8-byte aligned, which is enough for every real type.
  return Tensor::View(declared.dtype, declared.shape, raw, owner);
}

Result<Initializer> ReadInitializer(const TensorProto& proto, const std::shared_ptr<const void>& owner) {
  VLAQ_ASSIGN_OR_RETURN(Declared declared, ReadDeclaration(proto));
  Initializer initializer{proto.name(), declared.dtype, std::move(declared.shape), {}};
  if (IsExternal(proto)) {
    VLAQ_ASSIGN_OR_RETURN(initializer.data, ReadExternal(proto, declared.bytes));
  } else {
    VLAQ_ASSIGN_OR_RETURN(initializer.data, ReadTensor(proto, owner));
  }
  return initializer;
}

Status WriteTensor(const Tensor& tensor, TensorProto& proto) {
  VLAQ_RETURN_IF_ERROR(WriteDeclaration(tensor.dtype(), tensor.shape(), proto));
  proto.set_raw_data(std::string(AsText(tensor.bytes())));
  return {};
}

Status WriteInitializer(const Initializer& initializer, TensorProto& proto) {
  proto.set_name(initializer.name);
  if (const Tensor* tensor = std::get_if<Tensor>(&initializer.data)) {
    if (tensor->dtype() != initializer.dtype || tensor->shape() != initializer.shape) {
      return InternalError("", "its tensor has another type or shape than it declares");
    }
    return WriteTensor(*tensor, proto);
  }
  VLAQ_RETURN_IF_ERROR(WriteDeclaration(initializer.dtype, initializer.shape, proto));
  const auto& external = std::get<ExternalData>(initializer.data);
  proto.set_data_location(TensorProto::EXTERNAL);
  AddEntry(proto, "location", external.location);
  AddEntry(proto, "offset", std::to_string(external.offset));
  AddEntry(proto, "length", std::to_string(external.length));
  return {};
}

}  // namespace vlaq::onnx
