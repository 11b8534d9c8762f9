// Messages for tests: every field of every type filled with a value of its own, all fields as JSON, and bytes as text.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "ros2/codec.h"

namespace vlaq::ros2 {

// Fills a message: numbers count up from 1 (in eighths where they are floats), sequences have two or three elements.
class FillArchive {
 public:
  explicit FillArchive(int first = 1) : next_(first) {}
  template <typename T>
  void operator()(std::string_view name, T& value) {
    Fill(name, value);
  }
  template <typename T>
  void Newer(std::string_view name, T& value) {
    Fill(name, value);
  }

 private:
  template <typename T>
  void Fill(std::string_view name, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = true;
    } else if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(next_++) * static_cast<T>(-1.125);
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(next_++);
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = std::string(name) + std::to_string(next_++);
    } else if constexpr (std::is_same_v<T, Bytes>) {
      static constexpr std::array<uint8_t, 6> kData = {1, 2, 3, 4, 5, 255};
      value = std::as_bytes(std::span(kData)).first(5 + static_cast<size_t>(next_++) % 2);
    } else if constexpr (Message<T>) {
      T::Fields(*this, value);
    } else {
      value.resize(2 + static_cast<size_t>(next_++) % 2);
      for (auto& element : value) Fill(name, element);
    }
  }

  int next_;
};

template <Message T>
T Filled(int first = 1) {
  T message;
  FillArchive fill(first);
  T::Fields(fill, message);
  return message;
}

// All fields of a message; uint8[] as numbers.
class JsonArchive {
 public:
  template <Message T>
  static Json Of(const T& message) {
    JsonArchive archive;
    T::Fields(archive, message);
    return archive.json_;
  }
  template <typename T>
  void operator()(std::string_view name, const T& value) {
    json_[std::string(name)] = Value(value);
  }
  template <typename T>
  void Newer(std::string_view name, const T& value) {
    (*this)(name, value);
  }

 private:
  template <typename T>
  static Json Value(const T& value) {
    if constexpr (Message<T>) {
      return Of(value);
    } else if constexpr (std::is_same_v<T, Bytes>) {
      Json list = Json::array();
      for (const std::byte byte : value) list.push_back(static_cast<int>(byte));
      return list;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      Json list = Json::array();
      for (const auto& element : value) list.push_back(Value(element));
      return list;
    }
  }

  Json json_ = Json::object();
};

// What tests do with every type, by its row in MessageTypes().
struct TestedType {
  std::string_view name;
  std::vector<std::byte> (*sample)(int first);            // CDR of Filled(first)
  Result<std::string> (*json)(Bytes);                     // decoded, all fields
  Result<std::vector<std::byte>> (*encode_again)(Bytes);  // decoded and encoded
};

template <Message T>
TestedType Tested() {
  return {T::kType, [](int first) { return Encode(Filled<T>(first)); },
          [](Bytes bytes) -> Result<std::string> {
            VLAQ_ASSIGN_OR_RETURN(const T message, Decode<T>(bytes));
            return JsonArchive::Of(message).dump(-1, ' ', false, Json::error_handler_t::replace);
          },
          [](Bytes bytes) -> Result<std::vector<std::byte>> {
            VLAQ_ASSIGN_OR_RETURN(const T message, Decode<T>(bytes));
            return Encode(message);
          }};
}

inline std::vector<TestedType> TestedTypes() {
  return {Tested<String>(),          Tested<Bool>(),       Tested<Float32MultiArray>(), Tested<Float64MultiArray>(),
          Tested<Header>(),          Tested<Twist>(),      Tested<TwistStamped>(),      Tested<Image>(),
          Tested<CompressedImage>(), Tested<JointState>(), Tested<LaserScan>(),         Tested<Range>(),
          Tested<JointTrajectory>()};
}

// "0001 0000" -> bytes; spaces are passed over.
inline std::vector<std::byte> FromHex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != '\n') digits += c;
  }
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}
inline std::string ToHex(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[static_cast<size_t>(byte) >> 4];
    text += kDigits[static_cast<size_t>(byte) & 15];
  }
  return text;
}

}  // namespace vlaq::ros2
