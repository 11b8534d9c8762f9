#include "checkpoint/torch_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "checkpoint/messages.h"

namespace vlaq::checkpoint {
namespace {

constexpr std::string_view kUtils = "torch._utils";
// Many tensors may share a key or metadata, so that looking at large ones would multiply. PyTorch's are tiny.
constexpr size_t kMaxKey = 255;
constexpr size_t kMaxMetadata = 32;

struct StorageClass {
  std::string_view name;
  DType dtype;
};
constexpr std::array kStorageClasses{
    StorageClass{"FloatStorage", DType::kF32},        StorageClass{"HalfStorage", DType::kF16},
    StorageClass{"BFloat16Storage", DType::kBF16},    StorageClass{"DoubleStorage", DType::kF64},
    StorageClass{"CharStorage", DType::kI8},          StorageClass{"ByteStorage", DType::kU8},
    StorageClass{"ShortStorage", DType::kI16},        StorageClass{"IntStorage", DType::kI32},
    StorageClass{"LongStorage", DType::kI64},         StorageClass{"BoolStorage", DType::kBool},
    StorageClass{"ComplexFloatStorage", DType::kC64}, StorageClass{"ComplexDoubleStorage", DType::kC128},
};

struct RebuildCall {
  ValueId callable = kNoValue;
  ValueId args = kNoValue;
};

class TensorReader {
 public:
  TensorReader(const PickleDocument& document, const std::string& where) : document_(document), where_(where) {}

  Result<TorchTensor> Read(ValueId value);

 private:
  Error Wrong(std::string what, std::string advice = "") const {
    return InputError(where_, std::move(what), std::move(advice));
  }
  // Element `index` of a tuple, or kNoValue.
  ValueId Element(ValueId tuple, size_t index) const;
  Result<RebuildCall> Unwrap(ValueId value) const;
  Status ReadStorage(ValueId value, bool untyped, TorchTensor& tensor) const;
  Result<Shape> Extents(ValueId value, std::string_view what) const;
  Status ReadMetadata(ValueId value) const;
  Status CheckInside(const TorchTensor& tensor) const;

  const PickleDocument& document_;
  const std::string& where_;
};

ValueId TensorReader::Element(ValueId tuple, size_t index) const {
  if (tuple == kNoValue || document_[tuple].kind != PickleKind::kTuple) return kNoValue;
  const auto children = document_.Children(tuple);
  return index < children.size() ? children[index] : kNoValue;
}

// Follows Parameter and tensor subclass wrappers down to the call of a _rebuild_tensor function.
Result<RebuildCall> TensorReader::Unwrap(ValueId value) const {
  constexpr int kMaxWrappers = 8;
  RebuildCall call;
  for (int i = 0; i < kMaxWrappers; ++i) {
    if (value != kNoValue) {
      if (document_[value].kind != PickleKind::kObject) return Wrong("its pickle wraps something that is no tensor");
      call = {document_[value].callable, document_[value].args};
    }
    value = kNoValue;
    const std::string_view name = document_.Name(call.callable);
    if (document_.IsGlobal(call.callable, "torch._tensor", "_rebuild_from_type_v2")) {
      call = {Element(call.args, 0), Element(call.args, 2)};  // (function, subclass, arguments, state)
    } else if (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state") {
      value = Element(call.args, 0);
    } else {
      return call;
    }
    if (value == kNoValue && (call.callable == kNoValue || call.args == kNoValue)) break;
  }
  return Wrong("its pickle wraps a tensor in a way that PyTorch does not write");
}

Result<Shape> TensorReader::Extents(ValueId value, std::string_view what) const {
  if (value != kNoValue && document_[value].kind == PickleKind::kObject &&
      document_.IsGlobal(document_[value].callable, "torch", "Size")) {
    value = Element(document_[value].args, 0);
  }
  if (value == kNoValue ||
      (document_[value].kind != PickleKind::kTuple && document_[value].kind != PickleKind::kList)) {
    return Wrong(fmt::format("its {} is not a tuple", what));
  }
  const auto children = document_.Children(value);
  if (children.size() > kMaxRank) {
    return Wrong(fmt::format("its {} has {} dimensions, more than the limit of {}", what, children.size(), kMaxRank));
  }
  Shape extents;
  for (const ValueId child : children) {
    const auto extent = document_.Integer(child);
    if (!extent) return Wrong(fmt::format("its {} holds something that is not an integer", what));
    if (*extent < 0) return Wrong(fmt::format("its {} holds the negative number {}", what, *extent));
    extents.push_back(*extent);
  }
  return extents;
}

// A persistent id: ("storage", class, key, location, number of elements, or of bytes if untyped).
Status TensorReader::ReadStorage(ValueId value, bool untyped, TorchTensor& tensor) const {
  if (value == kNoValue || document_[value].kind != PickleKind::kPersistent) return Wrong("it has no storage");
  const ValueId id = document_[value].args;
  const ValueId tag = Element(id, 0);
  const ValueId cls = Element(id, 1);
  const ValueId key = Element(id, 2);
  const ValueId count = Element(id, 4);
  if (count == kNoValue || document_.Text(tag) != "storage" || document_[key].kind != PickleKind::kString) {
    return Wrong("its storage reference is not one that PyTorch writes");
  }
  const auto elements = document_.Integer(count);
  if (!elements || *elements < 0) return Wrong("its storage has no valid size");
  const std::string_view name = document_.Name(cls);
  const bool is_untyped = name == "UntypedStorage" || name == "_UntypedStorage";
  uint64_t item = 1;
  if (!is_untyped) {
    const auto* row = std::find_if(kStorageClasses.begin(), kStorageClasses.end(),
                                   [&](const StorageClass& c) { return c.name == name; });
    if (row == kStorageClasses.end() || !document_.Module(cls).starts_with("torch")) {
      return Wrong(fmt::format("its storage class {}.{} is not supported", Printable(document_.Module(cls), 60),
                               Printable(name, 60)));
    }
    if (!untyped) tensor.dtype = row->dtype;
    item = DTypeBits(row->dtype) / 8;
  } else if (!untyped) {
    return Wrong("its storage has no element type");
  }
  const auto bytes = CheckedMul(static_cast<uint64_t>(*elements), item);
  if (!bytes) return Wrong("the size of its storage overflows");
  if (document_.Text(key).size() > kMaxKey) return Wrong("the key of its storage is too long");
  tensor.storage_bytes = *bytes;
  tensor.storage_key = document_.Text(key);
  return {};
}

// Conjugate and negative views keep their bits unchanged, so the bytes alone would be wrong.
Status TensorReader::ReadMetadata(ValueId value) const {
  if (value == kNoValue) return {};
  if (document_.Children(value).size() > kMaxMetadata) return Wrong("its metadata is too large");
  for (const std::string_view flag : {"conj", "neg"}) {
    const auto set = document_.Find(value, flag);
    if (set && document_[*set].kind == PickleKind::kBool && document_[*set].integer != 0) {
      return Wrong(fmt::format("is a lazy '{}' view, which is not supported", flag), "save the tensor's .clone()");
    }
  }
  return {};
}

Status TensorReader::CheckInside(const TorchTensor& tensor) const {
  const auto count = ElementCount(tensor.shape);
  if (!count || !ByteCount(tensor.dtype, tensor.shape)) {
    return Wrong(fmt::format("the size of its shape {} overflows", ShapeText(tensor.shape)));
  }
  if (tensor.shape.size() != tensor.strides.size()) {
    return Wrong(fmt::format("has shape {} but strides {}", ShapeText(tensor.shape), ShapeText(tensor.strides)));
  }
  if (*count == 0) return {};  // no last element
  auto last = std::optional<int64_t>(tensor.offset);
  for (size_t i = 0; i < tensor.shape.size() && last; ++i) {
    const auto step = CheckedMul(tensor.shape[i] - 1, tensor.strides[i]);
    last = step ? CheckedAdd(*last, *step) : std::nullopt;
  }
  const uint64_t item = DTypeBits(tensor.dtype) / 8;
  if (!last || static_cast<uint64_t>(*last) >= tensor.storage_bytes / item) {
    return Wrong(fmt::format("shape {} with strides {} at element {} leaves its storage {} of {} bytes",
                             ShapeText(tensor.shape), ShapeText(tensor.strides), tensor.offset,
                             Quoted(tensor.storage_key), tensor.storage_bytes));
  }
  return {};
}

Result<TorchTensor> TensorReader::Read(ValueId value) {
  VLAQ_ASSIGN_OR_RETURN(const RebuildCall call, Unwrap(value));
  const std::string_view name = document_.Name(call.callable);
  const bool v3 = name == "_rebuild_tensor_v3";
  const bool known = v3 || name == "_rebuild_tensor" || name == "_rebuild_tensor_v2";
  if (!known || document_.Module(call.callable) != kUtils) {
    return Wrong(fmt::format("is of a kind that is not supported ({}.{})",
                             Printable(document_.Module(call.callable), 60), Printable(name, 60)),
                 "only dense tensors can be read");
  }
  TorchTensor tensor;
  VLAQ_RETURN_IF_ERROR(ReadStorage(Element(call.args, 0), v3, tensor));
  const ValueId offset = Element(call.args, 1);
  const auto elements = offset == kNoValue ? std::nullopt : document_.Integer(offset);
  if (!elements || *elements < 0) return Wrong("its storage offset is not a number of elements");
  tensor.offset = *elements;
  VLAQ_ASSIGN_OR_RETURN(tensor.shape, Extents(Element(call.args, 2), "shape"));
  VLAQ_ASSIGN_OR_RETURN(tensor.strides, Extents(Element(call.args, 3), "strides"));
  if (v3) {
    const ValueId dtype = Element(call.args, 6);
    const std::string_view dtype_name = dtype == kNoValue ? "" : document_.Name(dtype);
    const auto found = FindDType(dtype_name);
    if (!found || DTypeBits(*found) % 8 != 0 || document_.Module(dtype) != "torch") {
      return Wrong(fmt::format("its element type {} is not supported", Quoted(dtype_name)));
    }
    tensor.dtype = *found;
  }
  VLAQ_RETURN_IF_ERROR(ReadMetadata(Element(call.args, v3 ? 7 : 6)));
  VLAQ_RETURN_IF_ERROR(CheckInside(tensor));
  return tensor;
}

}  // namespace

bool IsTensor(const PickleDocument& document, ValueId value) {
  if (document[value].kind != PickleKind::kObject) return false;
  const ValueId callable = document[value].callable;
  return (document.Module(callable) == kUtils && document.Name(callable).starts_with("_rebuild_")) ||
         document.IsGlobal(callable, "torch._tensor", "_rebuild_from_type_v2");
}

Result<TorchTensor> ReadTorchTensor(const PickleDocument& document, ValueId value, const std::string& where) {
  return TensorReader(document, where).Read(value);
}

bool IsContiguous(const Shape& shape, const Shape& strides) {
  if (ElementCount(shape) == 0) return true;
  int64_t packed = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != packed) return false;
    packed *= shape[i];
  }
  return true;
}

}  // namespace vlaq::checkpoint
