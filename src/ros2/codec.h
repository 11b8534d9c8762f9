// Messages (messages.h) to CDR bytes and back, and what else follows from their list of fields: a check that keeps
// nothing, the text of the .msg file, the table of types known by name.
//
// Pure functions: any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ros2/cdr.h"
#include "ros2/messages.h"

namespace vlaq::ros2 {

// The message that `bytes` (header and body) are. Fields of type Bytes view `bytes`. Errors: kInput naming the field
// and the byte. What `message` holds is reused; after an error it is unspecified.
template <Message T>
Status DecodeInto(Bytes bytes, T& message) {
  CdrReader reader(T::kType, bytes);
  T::Fields(reader, message);
  return reader.Finish();
}
template <Message T>
Result<T> Decode(Bytes bytes) {
  T message;
  VLAQ_RETURN_IF_ERROR(DecodeInto(bytes, message));
  return message;
}

// Whether Decode() would succeed; asks for no memory where it does.
template <Message T>
Status Check(Bytes bytes) {
  CdrReader reader(T::kType, bytes, CdrReader::Keep::kCheck);
  T scratch;
  T::Fields(reader, scratch);
  return reader.Finish();
}

// Bytes that EncodeInto() needs.
template <Message T>
size_t EncodedSize(const T& message) {
  CdrWriter writer{MutableBytes()};
  T::Fields(writer, message);
  return writer.size();
}
// Writes the message to the front of `out` and returns that part; empty if it does not fit. Asks for no memory.
template <Message T>
Bytes EncodeInto(const T& message, MutableBytes out) {
  CdrWriter writer(out);
  T::Fields(writer, message);
  return writer.fits() ? out.first(writer.size()) : Bytes();
}
// The same into a buffer that grows as needed and is then reused.
template <Message T>
Bytes EncodeInto(const T& message, std::vector<std::byte>& buffer) {
  const size_t size = EncodedSize(message);
  if (buffer.size() < size) buffer.resize(size);
  return EncodeInto(message, MutableBytes(buffer));
}
template <Message T>
std::vector<std::byte> Encode(const T& message) {
  std::vector<std::byte> bytes(EncodedSize(message));
  EncodeInto(message, MutableBytes(bytes));
  return bytes;
}

struct MessageType {
  std::string_view name;  // "geometry_msgs/msg/Twist"
  Status (*check)(Bytes);
  // The type's .msg text followed by those of the types it uses, as MCAP wants it for schema encoding "ros2msg".
  std::string (*schema)();
};

// Every type that may be a topic's.
std::span<const MessageType> MessageTypes();
// nullptr if we do not know it.
const MessageType* FindMessageType(std::string_view name);

}  // namespace vlaq::ros2
