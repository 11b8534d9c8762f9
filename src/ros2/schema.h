// The text of a message's .msg file, from its list of fields.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ros2/cdr.h"

namespace vlaq::ros2 {

// "std_msgs/msg/Header" -> "std_msgs/Header", as .msg files and MCAP name a type within others.
std::string ShortTypeName(std::string_view type);

// An archive that notes each field's type and name, and the messages that fields are made of.
class SchemaWriter {
 public:
  template <typename T>
  void operator()(std::string_view name, const T& /*value*/) {
    text_.append(TypeOf<T>()).append(" ").append(name).append("\n");
  }
  template <typename T>
  void Newer(std::string_view name, const T& value) {
    (*this)(name, value);
  }

  // The text of T, then of every type it uses, each once, behind a line of 80 "=" and "MSG: package/Type".
  template <Message T>
  static std::string Whole() {
    SchemaWriter writer;
    const T message;
    T::Fields(writer, message);
    std::string whole = writer.text_;
    for (const auto& [name, text] : writer.used_) {
      whole.append(80, '=').append("\nMSG: ").append(name).append("\n").append(text);
    }
    return whole;
  }

 private:
  template <typename T>
  std::string TypeOf() {
    if constexpr (std::is_same_v<T, bool>) {
      return "bool";
    } else if constexpr (std::is_floating_point_v<T>) {
      return sizeof(T) == 4 ? "float32" : "float64";
    } else if constexpr (std::is_integral_v<T>) {
      return (std::is_signed_v<T> ? "int" : "uint") + std::to_string(8 * sizeof(T));
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "string";
    } else if constexpr (std::is_same_v<T, Bytes>) {
      return "uint8[]";
    } else if constexpr (Message<T>) {
      return NameOf<T>();
    } else {
      return TypeOf<typename T::value_type>() + "[]";
    }
  }
  template <Message T>
  std::string NameOf() {
    std::string name = ShortTypeName(T::kType);
    for (const auto& used : used_) {
      if (used.first == name) return name;
    }
    const size_t place = used_.size();
    used_.emplace_back(name, "");
    std::string outer = std::exchange(text_, {});
    const T message;
    T::Fields(*this, message);
    used_[place].second = std::exchange(text_, std::move(outer));
    return name;
  }

  std::string text_;
  std::vector<std::pair<std::string, std::string>> used_;
};

template <Message T>
std::string SchemaText() {
  return SchemaWriter::Whole<T>();
}

}  // namespace vlaq::ros2
