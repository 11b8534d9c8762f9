#include "ros2/cdr.h"

#include <fmt/format.h>

namespace vlaq::ros2 {
namespace {

// Padding after `offset`, counted from behind the encapsulation header.
size_t PaddingAt(size_t offset, size_t alignment) {
  const size_t over = (offset - kCdrHeaderBytes) % alignment;
  return over == 0 ? 0 : alignment - over;
}

}  // namespace

CdrReader::CdrReader(std::string_view type, Bytes message, Keep keep) : type_(type), bytes_(message), keep_(keep) {
  if (bytes_.size() < kCdrHeaderBytes) {
    offset_ = 0;
    Fail(fmt::format("a message of {} bytes has no encapsulation header", bytes_.size()));
    return;
  }
  const auto first = static_cast<unsigned>(bytes_[0]);
  const auto second = static_cast<unsigned>(bytes_[1]);
  if (first != 0 || second > 1) {
    offset_ = 0;
    Fail(fmt::format("encapsulation {:02x} {:02x} is not plain CDR of version 1 (00 00 or 00 01)", first, second));
    return;
  }
  swap_ = second == 0;
}

void CdrReader::operator()(std::string_view name, std::string& text) {
  const Path path(*this, name);
  ReadText(text);
}

void CdrReader::operator()(std::string_view name, Bytes& bytes) {
  const Path path(*this, name);
  const uint32_t count = ReadCount(1);
  const Bytes taken = count == 0 ? Bytes() : Take(count, 1);
  if (!error_) bytes = taken;
}

void CdrReader::Fail(std::string what) {
  if (error_) return;
  std::string field(type_);
  for (size_t i = 0; i < std::min(depth_, kMaxDepth); ++i) field.append(i == 0 ? ": " : ".").append(path_[i]);
  error_ = InputError(fmt::format("{}: byte {}", field, offset_), std::move(what));
}

Bytes CdrReader::Take(size_t size, size_t alignment) {
  if (error_) return {};
  const size_t padding = PaddingAt(offset_, alignment);
  const size_t left = bytes_.size() - offset_;
  if (padding > left || size > left - padding) {
    Fail(fmt::format("{} bytes are needed and {} are left", padding + size, left));
    return {};
  }
  const Bytes taken = bytes_.subspan(offset_ + padding, size);
  offset_ += padding + size;
  return taken;
}

uint32_t CdrReader::ReadCount(size_t least_bytes) {
  uint32_t count = 0;
  ReadNumber(count);
  if (count > Left() / least_bytes) {
    Fail(fmt::format("a count of {} does not fit into the {} bytes that are left", count, Left()));
  }
  return error_ ? 0 : count;
}

void CdrReader::ReadBool(bool& value) {
  const Bytes bytes = Take(1, 1);
  if (bytes.empty()) return;
  if (static_cast<unsigned>(bytes[0]) > 1) {
    --offset_;
    Fail(fmt::format("a truth value is {}, not 0 or 1", static_cast<unsigned>(bytes[0])));
    return;
  }
  value = bytes[0] != std::byte{0};
}

void CdrReader::ReadText(std::string& text) {
  const uint32_t size = ReadCount(1);
  // Some senders give an empty string without its zero byte.
  const Bytes bytes = size == 0 ? Bytes() : Take(size, 1);
  if (error_) return;
  if (!bytes.empty() && bytes.back() != std::byte{0}) return Fail("a string does not end in a zero byte");
  if (keep_ == Keep::kAll) text.assign(AsText(bytes.first(bytes.empty() ? 0 : bytes.size() - 1)));
}

Status CdrReader::Finish() {
  if (!error_) {
    const Bytes rest = bytes_.subspan(offset_);
    const bool is_zero = std::all_of(rest.begin(), rest.end(), [](std::byte byte) { return byte == std::byte{0}; });
    if (rest.size() >= 4 && !is_zero) Fail(fmt::format("{} bytes more than the type has", rest.size()));
  }
  return error_ ? Status(*error_) : Status();
}

CdrWriter::CdrWriter(MutableBytes out) : out_(out) {
  constexpr std::array<uint8_t, kCdrHeaderBytes> kLittleEndian = {0, 1, 0, 0};
  if (out_.size() >= kCdrHeaderBytes) std::memcpy(out_.data(), kLittleEndian.data(), kCdrHeaderBytes);
  size_ = kCdrHeaderBytes;
}

void CdrWriter::Put(const void* from, size_t size, size_t alignment) {
  const size_t begin = size_ + PaddingAt(size_, alignment);
  if (begin + size <= out_.size()) {
    std::fill(out_.begin() + static_cast<ptrdiff_t>(size_), out_.begin() + static_cast<ptrdiff_t>(begin), std::byte{0});
    if (size > 0) std::memcpy(out_.data() + begin, from, size);
  }
  size_ = begin + size;
}

void CdrWriter::PutCount(size_t count) {
  const auto number = static_cast<uint32_t>(count);
  Put(&number, sizeof(number), sizeof(number));
}

void CdrWriter::PutText(const std::string& text) {
  PutCount(text.size() + 1);
  Put(text.c_str(), text.size() + 1, 1);
}

}  // namespace vlaq::ros2
