#include "msgpack/encode.h"

#include <fmt/format.h>

#include <bit>
#include <limits>

#include "msgpack/array.h"
#include "tensor/convert.h"
#include "tensor/dtype.h"

namespace vlaq::msgpack {
namespace {

class Encoder {
 public:
  Status Put(const Value& value) {
    return std::visit([this](const auto& data) { return PutData(data); }, value.data);
  }
  std::string Take() { return std::move(out_); }

 private:
  void Byte(unsigned byte) { out_.push_back(static_cast<char>(byte)); }
  void BigEndian(uint64_t number, unsigned width) {
    for (unsigned i = width; i-- > 0;) Byte(static_cast<unsigned>(number >> (8U * i)) & 0xFFU);
  }

  // A length after the first byte of its width: `first8` 0 where there is no short form of that kind.
  Status Length(uint64_t length, unsigned first8, unsigned first16) {
    if (first8 != 0 && length <= 0xFF) {
      Byte(first8);
      BigEndian(length, 1);
    } else if (length <= 0xFFFF) {
      Byte(first16);
      BigEndian(length, 2);
    } else if (length <= std::numeric_limits<uint32_t>::max()) {
      Byte(first16 + 1);
      BigEndian(length, 4);
    } else {
      return UsageError(fmt::format("{} bytes or values are more than a message can hold", length));
    }
    return {};
  }

  Status PutData(std::monostate) {
    Byte(0xC0);
    return {};
  }
  Status PutData(bool flag) {
    Byte(flag ? 0xC3 : 0xC2);
    return {};
  }
  Status PutData(uint64_t number) {
    if (number < 0x80) {
      Byte(static_cast<unsigned>(number));
      return {};
    }
    const unsigned step = number <= 0xFF ? 0 : number <= 0xFFFF ? 1 : number <= 0xFFFFFFFF ? 2 : 3;
    Byte(0xCC + step);
    BigEndian(number, 1U << step);
    return {};
  }
  Status PutData(int64_t number) {
    if (number >= 0) return PutData(static_cast<uint64_t>(number));
    if (number >= -32) {
      Byte(static_cast<unsigned>(number) & 0xFFU);
      return {};
    }
    const unsigned step = number >= std::numeric_limits<int8_t>::min()    ? 0
                          : number >= std::numeric_limits<int16_t>::min() ? 1
                          : number >= std::numeric_limits<int32_t>::min() ? 2
                                                                          : 3;
    Byte(0xD0 + step);
    BigEndian(static_cast<uint64_t>(number), 1U << step);
    return {};
  }
  Status PutData(double number) {
    Byte(0xCB);
    BigEndian(std::bit_cast<uint64_t>(number), 8);
    return {};
  }
  Status PutData(const std::string& text) {
    if (text.size() < 32) {
      Byte(0xA0U | static_cast<unsigned>(text.size()));
    } else {
      VLAQ_RETURN_IF_ERROR(Length(text.size(), 0xD9, 0xDA));
    }
    out_ += text;
    return {};
  }
  Status PutBinary(std::string_view bytes) {
    VLAQ_RETURN_IF_ERROR(Length(bytes.size(), 0xC4, 0xC5));
    out_ += bytes;
    return {};
  }
  Status PutData(const Binary& binary) { return PutBinary(binary.bytes); }
  Status PutCount(uint64_t count, unsigned few, unsigned first16) {
    if (count >= 16) return Length(count, 0, first16);
    Byte(few | static_cast<unsigned>(count));
    return {};
  }
  Status PutData(const Array& array) {
    VLAQ_RETURN_IF_ERROR(PutCount(array.size(), 0x90, 0xDC));
    for (const Value& value : array) VLAQ_RETURN_IF_ERROR(Put(value));
    return {};
  }
  Status PutData(const Map& map) {
    VLAQ_RETURN_IF_ERROR(PutCount(map.size(), 0x80, 0xDE));
    for (const Member& member : map) {
      VLAQ_RETURN_IF_ERROR(PutData(member.key));
      VLAQ_RETURN_IF_ERROR(Put(member.value));
    }
    return {};
  }
  Status PutData(const Tensor& tensor) {
    if (tensor.dtype() == DType::kBF16) {
      VLAQ_ASSIGN_OR_RETURN(const Tensor floats, ToFloat32(tensor));
      return PutData(floats);
    }
    const std::string_view type = NumpyName(tensor.dtype());
    if (type.empty()) return UsageError(fmt::format("NumPy has no type {}", DTypeName(tensor.dtype())));
    constexpr size_t kMembers = 4;
    VLAQ_RETURN_IF_ERROR(PutCount(kMembers, 0x80, 0xDE));
    VLAQ_RETURN_IF_ERROR(PutBinary(kArrayKey));
    VLAQ_RETURN_IF_ERROR(PutData(true));
    VLAQ_RETURN_IF_ERROR(PutBinary(kDataKey));
    const Bytes bytes = tensor.bytes();
    VLAQ_RETURN_IF_ERROR(PutBinary({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    VLAQ_RETURN_IF_ERROR(PutBinary(kTypeKey));
    VLAQ_RETURN_IF_ERROR(PutData(std::string(type)));
    VLAQ_RETURN_IF_ERROR(PutBinary(kShapeKey));
    Array shape;
    for (const int64_t extent : tensor.shape()) shape.push_back(Value::Integer(extent));
    return PutData(shape);
  }

  std::string out_;
};

}  // namespace

Result<std::string> Encode(const Value& value) {
  Encoder encoder;
  VLAQ_RETURN_IF_ERROR(encoder.Put(value));
  return encoder.Take();
}

}  // namespace vlaq::msgpack
