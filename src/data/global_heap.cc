#include "data/global_heap.h"

#include <fmt/format.h>

namespace vlaq::data {
namespace {

constexpr size_t kHeaderBytes = 16;  // "GCOL", version, three zeros, size u64
constexpr size_t kObjectBytes = 16;  // index u16, reference count u16, zeros u32, size u64

Error Wrong(std::string what) { return InputError("", std::move(what)); }

}  // namespace

Result<std::string> GlobalHeap::Text(Bytes reference) {
  const auto length = LoadLittle<uint32_t>(reference);
  const auto address = LoadLittle<uint64_t>(reference, 4);
  const auto index = LoadLittle<uint32_t>(reference, 12);
  if (length == 0) return std::string();
  if (length > kMaxText) return Wrong(fmt::format("a text of {} bytes is out of bounds", length));
  VLAQ_ASSIGN_OR_RETURN(const Collection* collection, Find(address));
  const auto found = collection->find(index);
  if (found == collection->end() || found->second.size() < length) {
    return Wrong(fmt::format("text {} of {} bytes is not in the heap collection at byte {}", index, length, address));
  }
  const std::string_view text = AsText(found->second.first(length));
  return std::string(text.substr(0, text.find('\0')));
}

Result<const GlobalHeap::Collection*> GlobalHeap::Find(uint64_t address) {
  if (const auto known = collections_.find(address); known != collections_.end()) return &known->second;
  VLAQ_ASSIGN_OR_RETURN(Collection collection, Read(address));
  return &collections_.emplace(address, std::move(collection)).first->second;
}

Result<GlobalHeap::Collection> GlobalHeap::Read(uint64_t address) {
  const Bytes bytes = file_->bytes();
  const auto refuse = [address](std::string_view why) {
    return Wrong(fmt::format("the heap collection at byte {} {}", address, why));
  };
  const auto begin = CheckedAdd<uint64_t>(base_, address);
  if (!begin || *begin > bytes.size() || bytes.size() - *begin < kHeaderBytes)
    return refuse("lies outside of the file");
  const Bytes start = bytes.subspan(*begin);
  if (AsText(start.first(4)) != "GCOL" || start[4] != std::byte{1}) return refuse("is none");
  const auto size = LoadLittle<uint64_t>(start, 8);
  if (size < kHeaderBytes || size > start.size()) return refuse("does not fit into the file");
  read_bytes_ += size;
  if (read_bytes_ > bytes.size()) return refuse("overlaps others");

  Collection collection;
  Bytes rest = start.subspan(kHeaderBytes, size - kHeaderBytes);
  while (rest.size() >= kObjectBytes) {
    const auto index = LoadLittle<uint16_t>(rest);
    const auto object = LoadLittle<uint64_t>(rest, 8);
    if (index == 0) break;  // the free space, always last
    if (object > rest.size() - kObjectBytes) return refuse("holds an object that does not fit");
    if (!collection.emplace(index, rest.subspan(kObjectBytes, object)).second) return refuse("numbers objects twice");
    const uint64_t padded = (object + 7) / 8 * 8;
    rest = rest.subspan(std::min<uint64_t>(kObjectBytes + padded, rest.size()));
  }
  return collection;
}

}  // namespace vlaq::data
