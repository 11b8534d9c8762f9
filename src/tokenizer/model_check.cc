#include "tokenizer/model_check.h"

#include <optional>
#include <vector>

namespace vlaq::tokenizer {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr uint64_t kNormalizerSpec = 3;
constexpr uint64_t kDenormalizerSpec = 5;
constexpr uint64_t kPrecompiledCharsmap = 2;

struct Field {
  uint64_t number = 0;
  Bytes payload;  // of a length-delimited field, else empty
};

// Reads the fields of a protocol buffer message one after the other.
class MessageReader {
 public:
  explicit MessageReader(Bytes bytes) : bytes_(bytes) {}

  bool AtEnd() const { return position_ == bytes_.size(); }
  size_t position() const { return position_; }

  // nullopt if the bytes are no message. Groups, which SentencePiece does not use, count as none.
  std::optional<Field> Next() {
    const std::optional<uint64_t> tag = Varint();
    if (!tag) return std::nullopt;
    Field field{.number = *tag >> 3U, .payload = {}};
    switch (*tag & 7U) {
      case 0:
        return Varint() ? std::optional(field) : std::nullopt;
      case 1:
        return Take(8) ? std::optional(field) : std::nullopt;
      case 5:
        return Take(4) ? std::optional(field) : std::nullopt;
      case 2: {
        const std::optional<uint64_t> size = Varint();
        const std::optional<Bytes> payload = size ? Take(*size) : std::nullopt;
        if (!payload) return std::nullopt;
        field.payload = *payload;
        return field;
      }
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && position_ < bytes_.size(); shift += 7) {
      const auto byte = std::to_integer<uint64_t>(bytes_[position_++]);
      value |= (byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::optional<Bytes> Take(uint64_t size) {
    if (size > bytes_.size() - position_) return std::nullopt;
    const Bytes taken = bytes_.subspan(position_, size);
    position_ += size;
    return taken;
  }

  Bytes bytes_;
  size_t position_ = 0;
};

// A double array trie as Darts-clone lays it out: 32-bit units; where a unit leads to, and which byte leads to it, are
// packed into its bits.
class Trie {
 public:
  explicit Trie(Bytes units) : units_(units), seen_(units.size() / 4) {}

  // True if no key whatever makes a walk read outside the units or give a value of `values` or more.
  bool IsSafe(size_t values) {
    if (units_.size() < 4 || units_.size() % 4 != 0) return false;
    std::vector<size_t> open = {0};
    seen_[0] = true;
    while (!open.empty()) {
      const size_t at = open.back();
      open.pop_back();
      const uint32_t unit = Unit(at);
      const size_t base = at ^ Offset(unit);
      // A step reads base ^ byte, for any byte.
      if ((base | 0xFFU) >= seen_.size()) return false;
      const bool has_value = (unit >> 8U & 1U) != 0;
      if (has_value && (Unit(base) & 0x7FFFFFFFU) >= values) return false;
      for (uint32_t byte = 0; byte < 256; ++byte) {
        const size_t next = base ^ byte;
        if ((Unit(next) & 0x800000FFU) != byte || seen_[next]) continue;
        seen_[next] = true;
        open.push_back(next);
      }
    }
    return true;
  }

 private:
  uint32_t Unit(size_t index) const { return LoadLittle<uint32_t>(units_, index * 4); }
  static uint32_t Offset(uint32_t unit) { return unit >> 10U << ((unit & 0x200U) >> 6U); }

  Bytes units_;
  std::vector<bool> seen_;
};

// A table is the trie's size in bytes, the trie, and replacement texts that end with 0; values are offsets into these.
bool IsSafeCharsmap(Bytes table) {
  if (table.empty()) return true;
  if (table.size() < 4) return false;
  const size_t trie_bytes = LoadLittle<uint32_t>(table);
  if (trie_bytes >= table.size() - 4 || table.back() != std::byte{0}) return false;
  return Trie(table.subspan(4, trie_bytes)).IsSafe(table.size() - 4 - trie_bytes);
}

std::string At(const std::string& where, size_t offset) { return where + ": offset " + std::to_string(offset); }

Status CheckSpec(Bytes spec, size_t offset, const std::string& where) {
  MessageReader reader(spec);
  while (!reader.AtEnd()) {
    const std::optional<Field> field = reader.Next();
    if (!field) return InputError(At(where, offset + reader.position()), "not a SentencePiece model");
    if (field->number == kPrecompiledCharsmap && !IsSafeCharsmap(field->payload)) {
      return InputError(At(where, offset + reader.position() - field->payload.size()),
                        "the normalization table of this SentencePiece model is damaged", "copy the file again");
    }
  }
  return {};
}

}  // namespace

Status CheckModelBytes(Bytes model, const std::string& where) {
  MessageReader reader(model);
  while (!reader.AtEnd()) {
    const std::optional<Field> field = reader.Next();
    if (!field) return InputError(At(where, reader.position()), "not a SentencePiece model");
    if (field->number == kNormalizerSpec || field->number == kDenormalizerSpec) {
      VLAQ_RETURN_IF_ERROR(CheckSpec(field->payload, reader.position() - field->payload.size(), where));
    }
  }
  return {};
}

}  // namespace vlaq::tokenizer
