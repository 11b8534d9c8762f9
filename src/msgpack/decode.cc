#include "msgpack/decode.h"

#include <fmt/format.h>

#include <bit>
#include <limits>
#include <optional>
#include <unordered_set>

#include "base/text.h"
#include "msgpack/array.h"

namespace vlaq::msgpack {
namespace {

// What a first byte says of the value behind it.
enum class Kind { kNil, kBool, kInteger, kSigned, kFloat, kText, kBinary, kArray, kMap, kRefused };

struct Head {
  Kind kind = Kind::kRefused;
  unsigned width = 0;   // bytes of the number or length that follows
  uint64_t number = 0;  // the number or length itself where none follows
};

Head HeadOf(uint8_t first) {
  if (first < 0x80) return {Kind::kInteger, 0, first};
  if (first < 0x90) return {Kind::kMap, 0, first & 0x0FU};
  if (first < 0xA0) return {Kind::kArray, 0, first & 0x0FU};
  if (first < 0xC0) return {Kind::kText, 0, first & 0x1FU};
  if (first >= 0xE0) return {Kind::kSigned, 0, first};
  switch (first) {
    case 0xC0:
      return {Kind::kNil};
    case 0xC2:
    case 0xC3:
      return {Kind::kBool, 0, first & 1U};
    case 0xC4:
    case 0xC5:
    case 0xC6:
      return {Kind::kBinary, 1U << (first - 0xC4U)};
    case 0xCA:
    case 0xCB:
      return {Kind::kFloat, 4U << (first - 0xCAU)};
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
      return {Kind::kInteger, 1U << (first - 0xCCU)};
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3:
      return {Kind::kSigned, 1U << (first - 0xD0U)};
    case 0xD9:
    case 0xDA:
    case 0xDB:
      return {Kind::kText, 1U << (first - 0xD9U)};
    case 0xDC:
    case 0xDD:
      return {Kind::kArray, 2U << (first - 0xDCU)};
    case 0xDE:
    case 0xDF:
      return {Kind::kMap, 2U << (first - 0xDEU)};
    default:
      return {};
  }
}

class Decoder {
 public:
  Decoder(Bytes message, const Limits& limits) : message_(message), limits_(limits) {}

  Result<Value> All() {
    if (message_.size() > limits_.max_bytes) {
      return InputError("", fmt::format("the message has {} bytes, more than {}", message_.size(), limits_.max_bytes));
    }
    VLAQ_ASSIGN_OR_RETURN(Value value, One(0));
    if (at_ != message_.size()) return At(at_, fmt::format("{} bytes after the value", message_.size() - at_));
    return value;
  }

 private:
  static Error At(size_t at, std::string what) { return InputError(fmt::format("byte {}", at), std::move(what)); }
  size_t left() const { return message_.size() - at_; }

  // The head of the value here, with the number that follows it.
  Result<Head> TakeHead() {
    if (left() == 0) return At(at_, "the message ends where a value must be");
    Head head = HeadOf(static_cast<uint8_t>(message_[at_]));
    if (head.kind == Kind::kRefused) {
      return At(at_, fmt::format("the type {:#04x} is not read", static_cast<unsigned>(message_[at_])));
    }
    if (left() - 1 < head.width) return At(at_, "the message ends within a number");
    ++at_;
    for (unsigned i = 0; i < head.width; ++i) head.number = head.number << 8U | static_cast<uint64_t>(message_[at_++]);
    return head;
  }

  // `count` things of at least `each` bytes follow, or they cannot.
  Status CheckLeft(size_t start, uint64_t count, uint64_t each, std::string_view what) const {
    if (count <= left() / each) return {};
    return At(start, fmt::format("{} {} cannot be in the {} bytes that are left", count, what, left()));
  }

  Result<std::string> TakeBytes(size_t start, uint64_t count) {
    VLAQ_RETURN_IF_ERROR(CheckLeft(start, count, 1, "bytes"));
    const Bytes bytes = message_.subspan(at_, static_cast<size_t>(count));
    at_ += bytes.size();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  Result<std::string> TakeText(size_t start, uint64_t count) {
    VLAQ_ASSIGN_OR_RETURN(std::string text, TakeBytes(start, count));
    if (!IsUtf8(text)) return At(start, "a text is not UTF-8");
    return text;
  }

  Result<std::string> TakeKey() {
    const size_t start = at_;
    VLAQ_ASSIGN_OR_RETURN(const Head head, TakeHead());
    if (head.kind != Kind::kText && head.kind != Kind::kBinary) return At(start, "the key of a map is no text");
    return TakeText(start, head.number);
  }

  static Value SignedValue(const Head& head) {
    switch (head.width) {
      case 2:
        return Value::Integer(static_cast<int16_t>(head.number));
      case 4:
        return Value::Integer(static_cast<int32_t>(head.number));
      case 8:
        return Value::Integer(static_cast<int64_t>(head.number));
      default:  // one byte, its own or the one that follows
        return Value::Integer(static_cast<int8_t>(head.number));
    }
  }

  static Value IntegerValue(uint64_t number) {
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return Value(Value::Data(number));
    return Value::Integer(static_cast<int64_t>(number));
  }

  static Value FloatValue(const Head& head) {
    const double number = head.width == 4
                              ? static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(head.number)))
                              : std::bit_cast<double>(head.number);
    return Value(Value::Data(number));
  }

  Result<Value> One(size_t depth) {
    const size_t start = at_;
    if (++elements_ > limits_.max_elements) {
      return At(start, fmt::format("the message has more than {} values", limits_.max_elements));
    }
    VLAQ_ASSIGN_OR_RETURN(const Head head, TakeHead());
    switch (head.kind) {
      case Kind::kNil:
      case Kind::kRefused:  // TakeHead() gives none
        return Value();
      case Kind::kBool:
        return Value(Value::Data(head.number != 0));
      case Kind::kInteger:
        return IntegerValue(head.number);
      case Kind::kSigned:
        return SignedValue(head);
      case Kind::kFloat:
        return FloatValue(head);
      case Kind::kText: {
        VLAQ_ASSIGN_OR_RETURN(std::string text, TakeText(start, head.number));
        return Value(Value::Data(std::move(text)));
      }
      case Kind::kBinary: {
        VLAQ_ASSIGN_OR_RETURN(std::string bytes, TakeBytes(start, head.number));
        return Value(Value::Data(Binary{std::move(bytes)}));
      }
      case Kind::kArray:
        return TakeArray(start, head.number, depth);
      case Kind::kMap:
        return TakeMap(start, head.number, depth);
    }
    return Value();
  }

  Status CheckDepth(size_t start, size_t depth) const {
    if (depth < limits_.max_depth) return {};
    return At(start, fmt::format("the message is more than {} levels deep", limits_.max_depth));
  }

  Result<Value> TakeArray(size_t start, uint64_t count, size_t depth) {
    VLAQ_RETURN_IF_ERROR(CheckDepth(start, depth));
    VLAQ_RETURN_IF_ERROR(CheckLeft(start, count, 1, "values"));
    Array array;
    for (uint64_t i = 0; i < count; ++i) {
      VLAQ_ASSIGN_OR_RETURN(Value value, One(depth + 1));
      array.push_back(std::move(value));
    }
    return Value(Value::Data(std::move(array)));
  }

  Result<Value> TakeMap(size_t start, uint64_t count, size_t depth) {
    VLAQ_RETURN_IF_ERROR(CheckDepth(start, depth));
    VLAQ_RETURN_IF_ERROR(CheckLeft(start, count, 2, "pairs"));
    Map map;
    std::unordered_set<std::string> keys;
    for (uint64_t i = 0; i < count; ++i) {
      const size_t key_start = at_;
      VLAQ_ASSIGN_OR_RETURN(std::string key, TakeKey());
      if (!keys.insert(key).second) return At(key_start, fmt::format("the key '{}' is in the map twice", key));
      VLAQ_ASSIGN_OR_RETURN(Value value, One(depth + 1));
      map.push_back({std::move(key), std::move(value)});
    }
    const bool is_array = keys.contains(std::string(kArrayKey));
    if (!is_array && !keys.contains(std::string(kScalarKey))) return Value(Value::Data(std::move(map)));
    auto numbers = is_array ? ArrayFromMap(map) : ScalarFromMap(map);
    if (!numbers.ok()) return Within(fmt::format("byte {}", start), numbers.error());
    return numbers;
  }

  Bytes message_;
  Limits limits_;
  size_t at_ = 0;
  size_t elements_ = 0;
};

}  // namespace

Result<Value> Decode(Bytes message, const Limits& limits) { return Decoder(message, limits).All(); }

}  // namespace vlaq::msgpack
