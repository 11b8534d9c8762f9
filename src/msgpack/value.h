// What a MessagePack message holds, as a tree. Plain values: copies of a Tensor share its bytes, all else is copied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/tensor.h"

namespace vlaq::msgpack {

struct Member;
struct Value;
using Array = std::vector<Value>;
using Map = std::vector<Member>;  // in the message's order; keys differ

struct Binary {
  std::string bytes;
};

struct Value {
  // nil, bool, integers (unsigned only beyond int64), floats, str, bin, array, map, and a NumPy array or scalar.
  using Data = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Binary, Array, Map, Tensor>;

  // Defined below, where a Member is known.
  Value();
  explicit Value(Data data_in);
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();
  static Value Text(std::string_view text);
  static Value Integer(int64_t number);

  // As T, or null if it is something else.
  template <typename T>
  const T* As() const {
    return std::get_if<T>(&data);
  }
  // The member of a map; null if there is none or this is no map.
  const Value* Find(std::string_view key) const;

  Data data;
};

struct Member {
  std::string key;
  Value value;
};

inline Value::Value() = default;
inline Value::Value(Data data_in) : data(std::move(data_in)) {}
inline Value::Value(const Value&) = default;
inline Value::Value(Value&&) noexcept = default;
inline Value& Value::operator=(const Value&) = default;
inline Value& Value::operator=(Value&&) noexcept = default;
inline Value::~Value() = default;
inline Value Value::Text(std::string_view text) { return Value(Data(std::string(text))); }
inline Value Value::Integer(int64_t number) { return Value(Data(number)); }

inline const Value* Value::Find(std::string_view key) const {
  if (const Map* map = As<Map>()) {
    for (const Member& member : *map) {
      if (member.key == key) return &member.value;
    }
  }
  return nullptr;
}

}  // namespace vlaq::msgpack
