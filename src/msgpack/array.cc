#include "msgpack/array.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/names.h"
#include "tensor/convert.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace vlaq::msgpack {
namespace {

constexpr std::array kTypes{
    Named{DType::kBool, "|b1"}, Named{DType::kU8, "|u1"},  Named{DType::kI8, "|i1"},  Named{DType::kU16, "<u2"},
    Named{DType::kI16, "<i2"},  Named{DType::kU32, "<u4"}, Named{DType::kI32, "<i4"}, Named{DType::kU64, "<u8"},
    Named{DType::kI64, "<i8"},  Named{DType::kF16, "<f2"}, Named{DType::kF32, "<f4"}, Named{DType::kF64, "<f8"},
};
constexpr size_t kMostAxes = 64;     // NumPy has no more
constexpr size_t kLongestName = 16;  // of a type; longer ones are no type

struct Type {
  DType dtype = DType::kF32;
  bool is_big_endian = false;
  size_t text_length = 0;  // of a text: characters of each element, four bytes each
  bool is_text = false;
};

Result<Type> TypeOf(const Value* name_value) {
  const auto* name = name_value == nullptr ? nullptr : name_value->As<std::string>();
  if (name == nullptr || name->size() > kLongestName)
    return InputError("", "an array has no 'dtype', or it is no text");
  Type type;
  std::string little = *name;
  type.is_big_endian = little.starts_with('>');
  if (type.is_big_endian) little[0] = '<';
  if (little.starts_with("<U")) {
    type.is_text = true;
    for (const char digit : little.substr(2)) {
      if (digit < '0' || digit > '9') return InputError("", fmt::format("the dtype '{}' is none of NumPy's", *name));
      type.text_length = type.text_length * 10 + static_cast<size_t>(digit - '0');  // 14 digits at most
    }
    return type;
  }
  const auto found = FindIn(kTypes, little);
  if (!found) {
    return InputError("", fmt::format("arrays of dtype '{}' are not read", *name),
                      "send numbers (bool, integers, float16, float32, float64) or a text");
  }
  type.dtype = *found;
  return type;
}

Result<Shape> ShapeOf(const Value* value) {
  const Array* extents = value == nullptr ? nullptr : value->As<Array>();
  if (extents == nullptr) return InputError("", "an array has no 'shape', or it is no list");
  if (extents->size() > kMostAxes) return InputError("", fmt::format("an array has {} axes", extents->size()));
  Shape shape;
  for (const Value& extent : *extents) {
    const auto* number = extent.As<int64_t>();
    if (number == nullptr || *number < 0) return InputError("", "an extent of a shape is no integer from 0");
    shape.push_back(*number);
  }
  return shape;
}

void SwapBytes(MutableBytes bytes, size_t width) {
  for (size_t at = 0; at + width <= bytes.size(); at += width) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + width));
  }
}

// A character as UTF-8; nothing for what is none.
std::optional<std::string> Utf8(uint32_t code) {
  const auto tail = [code](unsigned shift) { return static_cast<char>(0x80U | ((code >> shift) & 0x3FU)); };
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  if (code < 0x800) return std::string{static_cast<char>(0xC0U | (code >> 6U)), tail(0)};
  if (code >= 0xD800 && code < 0xE000) return std::nullopt;
  if (code < 0x10000) return std::string{static_cast<char>(0xE0U | (code >> 12U)), tail(6), tail(0)};
  if (code < 0x110000) return std::string{static_cast<char>(0xF0U | (code >> 18U)), tail(12), tail(6), tail(0)};
  return std::nullopt;
}

// NumPy's texts are UTF-32, filled up with zeros.
Result<Value> TextFrom(const std::string& data, const Type& type, const Shape& shape) {
  if (ElementCount(shape) != 1) return InputError("", "an array of several texts is not read", "send one text");
  if (data.size() % 4 != 0 || data.size() / 4 != type.text_length) {
    return InputError("", fmt::format("a text of {} characters has {} bytes", type.text_length, data.size()));
  }
  std::vector<uint32_t> codes(type.text_length);
  if (!codes.empty()) std::memcpy(codes.data(), data.data(), data.size());
  if (type.is_big_endian) SwapBytes(std::as_writable_bytes(std::span(codes)), 4);
  while (!codes.empty() && codes.back() == 0) codes.pop_back();
  std::string text;
  for (const uint32_t code : codes) {
    const auto character = Utf8(code);
    if (!character) return InputError("", fmt::format("a text has the character number {:#x}, which is none", code));
    text += *character;
  }
  return Value::Text(text);
}

const Value* MemberOf(const Map& map, std::string_view key) {
  const auto found = std::find_if(map.begin(), map.end(), [&](const Member& member) { return member.key == key; });
  return found == map.end() ? nullptr : &found->value;
}

// A number of a message as one of NumPy's; false if it is none of that type.
template <typename T>
bool PutInteger(const Value& value, MutableBytes to) {
  T number = 0;
  if (const auto* is_signed = value.As<int64_t>()) {
    number = static_cast<T>(*is_signed);
    if (static_cast<int64_t>(number) != *is_signed || (std::is_unsigned_v<T> && *is_signed < 0)) return false;
  } else if (const auto* is_unsigned = value.As<uint64_t>()) {
    number = static_cast<T>(*is_unsigned);
    if (static_cast<uint64_t>(number) != *is_unsigned || std::is_signed_v<T>) return false;
  } else {
    return false;
  }
  std::memcpy(to.data(), &number, sizeof(T));
  return true;
}

bool PutFloat(const Value& value, DType dtype, MutableBytes to) {
  const auto* number = value.As<double>();
  if (number == nullptr) return false;
  const Tensor wide = Tensor::Scalar(*number);
  if (dtype == DType::kF64) {
    std::memcpy(to.data(), number, sizeof(double));
  } else {
    Convert(DType::kF64, wide.bytes(), dtype, to);
  }
  return true;
}

bool PutNumber(const Value& value, DType dtype, MutableBytes to) {
  switch (dtype) {
    case DType::kBool: {
      const auto* flag = value.As<bool>();
      if (flag != nullptr) to[0] = static_cast<std::byte>(*flag);
      return flag != nullptr;
    }
    case DType::kU8:
      return PutInteger<uint8_t>(value, to);
    case DType::kI8:
      return PutInteger<int8_t>(value, to);
    case DType::kU16:
      return PutInteger<uint16_t>(value, to);
    case DType::kI16:
      return PutInteger<int16_t>(value, to);
    case DType::kU32:
      return PutInteger<uint32_t>(value, to);
    case DType::kI32:
      return PutInteger<int32_t>(value, to);
    case DType::kU64:
      return PutInteger<uint64_t>(value, to);
    case DType::kI64:
      return PutInteger<int64_t>(value, to);
    default:
      return IsFloat(dtype) && PutFloat(value, dtype, to);
  }
}

}  // namespace

std::string_view NumpyName(DType dtype) {
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& named) { return named.value == dtype; });
  return row == kTypes.end() ? std::string_view() : row->name;
}

Result<Value> ArrayFromMap(const Map& map) {
  VLAQ_ASSIGN_OR_RETURN(const Type type, TypeOf(MemberOf(map, kTypeKey)));
  VLAQ_ASSIGN_OR_RETURN(Shape shape, ShapeOf(MemberOf(map, kShapeKey)));
  const Value* data_value = MemberOf(map, kDataKey);
  const Binary* data = data_value == nullptr ? nullptr : data_value->As<Binary>();
  if (data == nullptr) return InputError("", "an array has no 'data', or it is no bytes");
  if (type.is_text) return TextFrom(data->bytes, type, shape);
  const auto count = ByteCount(type.dtype, shape);
  if (!count || *count != data->bytes.size()) {
    return InputError(
        "", fmt::format("an array of {} {} has {} bytes", DTypeName(type.dtype), ShapeText(shape), data->bytes.size()));
  }
  Tensor tensor = Tensor::Make(type.dtype, std::move(shape));
  const MutableBytes to = tensor.mutable_bytes();
  if (!to.empty()) std::memcpy(to.data(), data->bytes.data(), to.size());
  if (type.is_big_endian) SwapBytes(to, DTypeBits(type.dtype) / 8);
  return Value(tensor);
}

Result<Value> ScalarFromMap(const Map& map) {
  VLAQ_ASSIGN_OR_RETURN(const Type type, TypeOf(MemberOf(map, kTypeKey)));
  const Value* data = MemberOf(map, kDataKey);
  if (data == nullptr) return InputError("", "a scalar has no 'data'");
  if (type.is_text) {
    const auto* text = data->As<std::string>();
    if (text == nullptr) return InputError("", "a scalar text has other data");
    return Value::Text(*text);
  }
  Tensor tensor = Tensor::Make(type.dtype, {});
  if (!PutNumber(*data, type.dtype, tensor.mutable_bytes())) {
    return InputError("", fmt::format("the data of a scalar is no {}", DTypeName(type.dtype)));
  }
  return Value(tensor);
}

}  // namespace vlaq::msgpack
