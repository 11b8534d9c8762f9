// CDR as ROS 2 sends it (XCDR version 1, plain): a 4-byte encapsulation header, then the fields in their order, each
// number aligned to its size counted from the first byte after the header.
//
// A message describes itself once (messages.h): `Fields(archive, message)` calls archive("name", field) for each field.
// CdrReader and CdrWriter are such archives. Neither knows topics or DDS. One thread at a time; readers hold views.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace vlaq::ros2 {

inline constexpr size_t kCdrHeaderBytes = 4;

// A struct with a ROS type name and the list of its fields.
template <typename T>
concept Message = requires {
  { T::kType } -> std::convertible_to<std::string_view>;
};
template <typename T>
concept Number = std::is_arithmetic_v<T>;

// The fewest bytes that a message can have, without padding: what a count of messages is held against.
class LeastSize {
 public:
  template <Message T>
  static size_t Of() {
    LeastSize least;
    T message;
    T::Fields(least, message);
    return least.size_;
  }
  template <typename T>
  void operator()(std::string_view /*name*/, const T& /*value*/) {
    if constexpr (Message<T>) {
      size_ += Of<T>();
    } else {
      size_ += Number<T> ? sizeof(T) : sizeof(uint32_t);  // texts and sequences begin with their length
    }
  }

 private:
  size_t size_ = 0;
};

// Reads the fields of one message, of either byte order. The first error stays and everything after it is left as it
// is, so a caller asks once, at the end. No field is made larger than the bytes that are left could fill.
class CdrReader {
 public:
  // kCheck: nothing is kept of strings and sequences, so that checking asks for no memory.
  enum class Keep { kAll, kCheck };

  // `type` names the message in errors. `message` (header and body) must outlive the reader and what it read as Bytes.
  CdrReader(std::string_view type, Bytes message, Keep keep = Keep::kAll);

  template <Number T>
  void operator()(std::string_view name, T& value) {
    const Path path(*this, name);
    ReadNumber(value);
  }
  void operator()(std::string_view name, std::string& text);
  // uint8[]: a view of the message, nothing is copied.
  void operator()(std::string_view name, Bytes& bytes);
  template <typename T>
  void operator()(std::string_view name, std::vector<T>& values) {
    const Path path(*this, name);
    ReadSequence(values);
  }
  template <Message T>
  void operator()(std::string_view name, T& message) {
    const Path path(*this, name);
    T::Fields(*this, message);
  }
  // A last field that older versions of the type do not have: left as it is where the message ends before it.
  template <Number T>
  void Newer(std::string_view name, T& value) {
    if (Left() >= sizeof(T)) (*this)(name, value);
  }

  // After the last field. Errors: kInput with the type, the field and the byte; also where the message goes on: up to
  // three bytes of padding, or zeros, may follow.
  Status Finish();

 private:
  // The field being read, for errors.
  class Path {
   public:
    Path(CdrReader& reader, std::string_view name) : reader_(reader) {
      if (reader_.depth_ < kMaxDepth) reader_.path_[reader_.depth_] = name;
      ++reader_.depth_;
    }
    ~Path() { --reader_.depth_; }
    Path(const Path&) = delete;
    Path& operator=(const Path&) = delete;

   private:
    CdrReader& reader_;
  };

  size_t Left() const { return error_ ? 0 : bytes_.size() - offset_; }
  void Fail(std::string what);
  // The next `size` bytes after padding up to a multiple of `alignment`; empty after an error.
  Bytes Take(size_t size, size_t alignment);
  // A count of elements of at least `least_bytes` each, for which there are enough bytes.
  uint32_t ReadCount(size_t least_bytes);
  void ReadBool(bool& value);
  void ReadText(std::string& text);

  template <Number T>
  void ReadNumber(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      ReadBool(value);
    } else {
      const Bytes bytes = Take(sizeof(T), sizeof(T));
      if (!bytes.empty()) value = Load<T>(bytes.data());
    }
  }
  template <typename T>
  T Load(const std::byte* from) const {
    std::array<std::byte, sizeof(T)> raw{};
    std::memcpy(raw.data(), from, sizeof(T));
    if (swap_) std::reverse(raw.begin(), raw.end());
    return std::bit_cast<T>(raw);
  }

  template <typename T>
  void ReadSequence(std::vector<T>& values) {
    static_assert(!std::is_same_v<T, bool>, "no message of ours has a sequence of booleans");
    if constexpr (Number<T>) {
      const uint32_t count = ReadCount(sizeof(T));
      const Bytes bytes = count == 0 ? Bytes() : Take(count * sizeof(T), sizeof(T));
      if (error_ || keep_ == Keep::kCheck) return;
      values.resize(count);
      if (!swap_ && count > 0) {
        std::memcpy(values.data(), bytes.data(), bytes.size());
        return;
      }
      for (size_t i = 0; i < count; ++i) values[i] = Load<T>(bytes.data() + i * sizeof(T));
    } else {
      size_t least_bytes = sizeof(uint32_t);
      if constexpr (Message<T>) least_bytes = LeastSize::Of<T>();
      const uint32_t count = ReadCount(least_bytes);
      if (keep_ == Keep::kAll) values.resize(error_ ? 0 : count);
      T skipped;
      for (uint32_t i = 0; i < count && !error_; ++i) ReadElement(keep_ == Keep::kAll ? values[i] : skipped);
    }
  }
  void ReadElement(std::string& text) { ReadText(text); }
  template <Message T>
  void ReadElement(T& message) {
    T::Fields(*this, message);
  }

  static constexpr size_t kMaxDepth = 8;

  std::string_view type_;
  Bytes bytes_;
  size_t offset_ = kCdrHeaderBytes;
  Keep keep_;
  bool swap_ = false;
  std::array<std::string_view, kMaxDepth> path_;
  size_t depth_ = 0;
  std::optional<Error> error_;
};

// Writes little-endian CDR into bytes that the caller has. What does not fit is counted and not written, so an empty
// span measures a message. Asks for no memory.
class CdrWriter {
 public:
  explicit CdrWriter(MutableBytes out);

  template <Number T>
  void operator()(std::string_view /*name*/, const T& value) {
    Put(&value, sizeof(T), sizeof(T));
  }
  void operator()(std::string_view /*name*/, const std::string& text) { PutText(text); }
  void operator()(std::string_view /*name*/, const Bytes& bytes) {
    PutCount(bytes.size());
    Put(bytes.data(), bytes.size(), 1);
  }
  template <typename T>
  void operator()(std::string_view /*name*/, const std::vector<T>& values) {
    PutCount(values.size());
    if constexpr (Number<T>) {
      if (!values.empty()) Put(values.data(), values.size() * sizeof(T), sizeof(T));
    } else {
      for (const T& value : values) PutElement(value);
    }
  }
  template <Message T>
  void operator()(std::string_view /*name*/, const T& message) {
    T::Fields(*this, message);
  }
  template <Number T>
  void Newer(std::string_view name, const T& value) {
    (*this)(name, value);
  }

  // Bytes of the message, header included.
  size_t size() const { return size_; }
  bool fits() const { return size_ <= out_.size(); }

 private:
  void Put(const void* from, size_t size, size_t alignment);
  // Sequences and strings are as long as a u32 can say: more than 4 GiB fit into no message of DDS.
  void PutCount(size_t count);
  void PutText(const std::string& text);
  void PutElement(const std::string& text) { PutText(text); }
  template <Message T>
  void PutElement(const T& message) {
    T::Fields(*this, message);
  }

  MutableBytes out_;
  size_t size_ = 0;
};

}  // namespace vlaq::ros2
