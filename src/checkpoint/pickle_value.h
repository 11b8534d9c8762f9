// What a pickle describes, as inert values: numbers, text, containers, and names of classes with the arguments they
// would be called with. Nothing is ever called, imported or constructed.
//
// Values live in one arena and refer to each other by index, so shared and self-referential structures cost nothing
// and need no care when they are destroyed. Walk them with a limit (pickle_text.h, torch_tensors.h). Immutable after
// ReadPickle(); thread-safe. Text and bytes are views into the pickle, which must outlive the document.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace vlaq::checkpoint {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInteger,
  kBigInteger,  // does not fit 64 bits; bytes() is two's complement, little-endian
  kFloat,
  kString,  // UTF-8
  kBytes,
  kTuple,
  kList,
  kDict,
  kSet,
  kGlobal,      // a class or function by name
  kObject,      // what calling a global would give: callable, args, state, and items if it got any
  kPersistent,  // a reference out of the pickle, for PyTorch a storage; args is its id
};

using ValueId = uint32_t;
inline constexpr ValueId kNoValue = 0xFFFFFFFF;

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the first member of the union is initialized
struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  bool is_mapping = false;      // the children are key, value, key, value ...
  uint32_t length = 0;          // of a text
  uint32_t children = 0;        // 1 + index of the list of children; 0: none so far
  ValueId callable = kNoValue;  // kObject: what would be called; kGlobal: the module's name
  ValueId args = kNoValue;      // kObject, kPersistent: the arguments; kGlobal: the name in the module
  ValueId state = kNoValue;     // kObject: what BUILD would set
  union {
    int64_t integer = 0;  // kBool, kInteger
    double number;        // kFloat
    const char* text;     // kString, kBytes, kBigInteger
  };
};

class PickleDocument {
 public:
  ValueId root() const { return root_; }
  size_t size() const { return values_.size(); }
  const PickleValue& operator[](ValueId id) const { return values_[id]; }
  // kString, kBytes, kBigInteger; empty for all others.
  std::string_view Text(ValueId id) const;
  // Elements of a container or object; keys and values alternate where is_mapping is set.
  std::span<const ValueId> Children(ValueId id) const;
  // Module and name of a kGlobal; both empty for all others.
  std::string_view Module(ValueId id) const;
  std::string_view Name(ValueId id) const;
  bool IsGlobal(ValueId id, std::string_view module, std::string_view name) const;
  // The value under a string key of a mapping; the last one if the key occurs again, as Python does.
  std::optional<ValueId> Find(ValueId mapping, std::string_view key) const;
  std::optional<int64_t> Integer(ValueId id) const;

 private:
  friend class PickleMachine;
  ValueId root_ = kNoValue;
  std::deque<PickleValue> values_;  // grows in small steps: a vector would double
  std::vector<std::vector<ValueId>> children_;
};

}  // namespace vlaq::checkpoint
