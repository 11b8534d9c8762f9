#include "checkpoint/pickle_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "checkpoint/messages.h"

namespace vlaq::checkpoint {
namespace {

constexpr const char* kNoPolicy = "this is not a checkpoint of a policy";

// Names as in Python's pickletools.
enum class Op : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8A,
  kLong4 = 0x8B,
  kShortBinUnicode = 0x8C,
  kBinUnicode8 = 0x8D,
  kBinBytes8 = 0x8E,
  kEmptySet = 0x8F,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

}  // namespace

// Errors are sticky: after Fail() every step is harmless and Run() returns the first error.
class PickleMachine {
 public:
  PickleMachine(Bytes pickle, std::string_view where, const PickleLimits& limits)
      : pickle_(pickle), where_(where), limits_(limits) {}

  Result<PickleDocument> Run();

 private:
  void Fail(std::string what, std::string advice = "") {
    if (!error_) error_ = InputError(AtByte(where_, opcode_at_), std::move(what), std::move(advice));
  }

  // Operands.
  Bytes Take(uint64_t count);
  template <typename T>
  T TakeLittle() {
    const Bytes bytes = Take(sizeof(T));
    return bytes.empty() ? T{} : LoadLittle<T>(bytes);
  }
  std::string_view TakeLine();

  // Values and the stack.
  ValueId New(PickleKind kind);
  ValueId NewText(PickleKind kind, Bytes bytes);
  void Push(ValueId value);
  void PushInteger(int64_t number);
  void PushLong(Bytes bytes);
  void PushString(Bytes bytes);
  ValueId Pop();
  // The values above the last mark, which is removed with them.
  std::vector<ValueId> PopToMark();
  std::vector<ValueId> PopCount(size_t count);
  void PushContainer(PickleKind kind, std::vector<ValueId> children);
  std::vector<ValueId>& ChildrenOf(ValueId value);

  // Opcodes.
  void Execute(Op op);
  void Protocol();
  void Store(uint64_t index);
  void Load(uint64_t index);
  void Global(ValueId module, ValueId name);
  void TextGlobal();
  void StackGlobal();
  void Call(ValueId callable, ValueId args);
  void Reduce();
  void NewObjEx();
  void Build();
  void AddElements(const std::vector<ValueId>& elements);
  void AddPairs(const std::vector<ValueId>& pairs);
  void Mark();

  Bytes pickle_;
  std::string_view where_;
  PickleLimits limits_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  size_t pushes_ = 0;
  bool stopped_ = false;
  std::optional<Error> error_;
  PickleDocument document_;
  std::vector<ValueId> stack_;
  std::vector<size_t> marks_;  // stack heights
  std::vector<ValueId> memo_;
  ValueId none_ = kNoValue;
  std::array<ValueId, 2> booleans_ = {kNoValue, kNoValue};
};

Bytes PickleMachine::Take(uint64_t count) {
  if (count > pickle_.size() - at_) {
    Fail(fmt::format("an operand of {} bytes reaches beyond the end of the pickle", count));
    return {};
  }
  const Bytes bytes = pickle_.subspan(at_, static_cast<size_t>(count));
  at_ += static_cast<size_t>(count);
  return bytes;
}

std::string_view PickleMachine::TakeLine() {
  const std::string_view rest = AsText(pickle_.subspan(at_));
  const size_t end = rest.find('\n');
  if (end == rest.npos) {
    Fail("a name without an end");
    return {};
  }
  at_ += end + 1;
  return rest.substr(0, end);
}

ValueId PickleMachine::New(PickleKind kind) {
  auto& values = document_.values_;
  if (values.size() >= limits_.max_values) {
    Fail(fmt::format("more than {} values", limits_.max_values), kNoPolicy);
    return 0;
  }
  values.emplace_back();
  values.back().kind = kind;
  return static_cast<ValueId>(values.size() - 1);
}

ValueId PickleMachine::NewText(PickleKind kind, Bytes bytes) {
  const ValueId value = New(kind);
  document_.values_[value].text = AsText(bytes).data();
  document_.values_[value].length = static_cast<uint32_t>(bytes.size());
  return value;
}

void PickleMachine::Push(ValueId value) {
  // Values that are pushed again and again (None, memo entries) cost no new value, but an element somewhere.
  constexpr size_t kPushesPerValue = 4;
  if (++pushes_ > kPushesPerValue * limits_.max_values) return Fail("too many elements", kNoPolicy);
  stack_.push_back(value);
}

void PickleMachine::PushInteger(int64_t number) {
  const ValueId value = New(PickleKind::kInteger);
  document_.values_[value].integer = number;
  Push(value);
}

void PickleMachine::PushLong(Bytes bytes) {
  if (bytes.size() > 8) return Push(NewText(PickleKind::kBigInteger, bytes));
  uint64_t bits = 0;
  for (size_t i = 0; i < bytes.size(); ++i) bits |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  const size_t unused = 64 - 8 * bytes.size();
  // Shifting up and back down extends the sign.
  PushInteger(bytes.empty() ? 0 : static_cast<int64_t>(bits << unused) >> unused);
}

void PickleMachine::PushString(Bytes bytes) {
  if (!IsUtf8(AsText(bytes))) return Fail("a text that is not UTF-8");
  Push(NewText(PickleKind::kString, bytes));
}

ValueId PickleMachine::Pop() {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) {
    Fail("takes a value from an empty stack");
    return none_;
  }
  const ValueId value = stack_.back();
  stack_.pop_back();
  return value;
}

std::vector<ValueId> PickleMachine::PopToMark() {
  if (marks_.empty()) {
    Fail("there is no mark on the stack");
    return {};
  }
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<ValueId> values(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return values;
}

std::vector<ValueId> PickleMachine::PopCount(size_t count) {
  std::vector<ValueId> values(count);
  for (size_t i = count; i-- > 0;) values[i] = Pop();
  return values;
}

std::vector<ValueId>& PickleMachine::ChildrenOf(ValueId value) {
  uint32_t& children = document_.values_[value].children;
  if (children == 0) {
    document_.children_.emplace_back();
    children = static_cast<uint32_t>(document_.children_.size());
  }
  return document_.children_[children - 1];
}

void PickleMachine::PushContainer(PickleKind kind, std::vector<ValueId> children) {
  const ValueId value = New(kind);
  document_.values_[value].is_mapping = kind == PickleKind::kDict;
  if (!children.empty()) ChildrenOf(value) = std::move(children);
  Push(value);
}

void PickleMachine::Protocol() {
  const auto version = TakeLittle<uint8_t>();
  if (version < 2 || version > 5) Fail(fmt::format("pickle protocol {} is not supported (2 to 5 are)", version));
}

void PickleMachine::Mark() {
  if (marks_.size() >= limits_.max_marks) return Fail(fmt::format("nested deeper than {} levels", limits_.max_marks));
  marks_.push_back(stack_.size());
}

void PickleMachine::Store(uint64_t index) {
  // Picklers number from 0 upwards and spend at least two bytes on each entry.
  if (index >= pickle_.size()) return Fail(fmt::format("memo entry {} in a pickle of {} bytes", index, pickle_.size()));
  const ValueId value = Pop();
  Push(value);
  if (memo_.size() <= index) memo_.resize(static_cast<size_t>(index) + 1, kNoValue);
  memo_[static_cast<size_t>(index)] = value;
}

void PickleMachine::Load(uint64_t index) {
  if (index >= memo_.size() || memo_[static_cast<size_t>(index)] == kNoValue) {
    return Fail(fmt::format("memo entry {} was never stored", index));
  }
  Push(memo_[static_cast<size_t>(index)]);
}

void PickleMachine::Global(ValueId module, ValueId name) {
  const bool are_text = document_[module].kind == PickleKind::kString && document_[name].kind == PickleKind::kString;
  if (!are_text) return Fail("a class whose module or name is not a text");
  const ValueId value = New(PickleKind::kGlobal);
  document_.values_[value].callable = module;
  document_.values_[value].args = name;
  Push(value);
}

void PickleMachine::TextGlobal() {
  const std::string_view module = TakeLine();
  const std::string_view name = TakeLine();
  PushString(AsBytes(module));
  PushString(AsBytes(name));
  StackGlobal();
}

void PickleMachine::StackGlobal() {
  const ValueId name = Pop();
  const ValueId module = Pop();
  Global(module, name);
}

void PickleMachine::Call(ValueId callable, ValueId args) {
  if (document_[callable].kind != PickleKind::kGlobal) return Fail("calls something that is not a class or function");
  if (document_[args].kind != PickleKind::kTuple) return Fail("the arguments of a call are not a tuple");
  if (document_.IsGlobal(callable, "collections", "OrderedDict") && document_.Children(args).empty()) {
    return PushContainer(PickleKind::kDict, {});
  }
  const ValueId value = New(PickleKind::kObject);
  document_.values_[value].callable = callable;
  document_.values_[value].args = args;
  Push(value);
}

void PickleMachine::Reduce() {
  const ValueId args = Pop();
  const ValueId callable = Pop();
  Call(callable, args);
}

void PickleMachine::NewObjEx() {
  Pop();  // keyword arguments: nothing that is described here has any
  Reduce();
}

void PickleMachine::Build() {
  const ValueId state = Pop();
  const ValueId target = Pop();
  Push(target);
  switch (document_[target].kind) {
    case PickleKind::kObject:
      document_.values_[target].state = state;
      return;
    case PickleKind::kDict:  // an OrderedDict's attributes, e.g. the state dict's _metadata: not needed
      return;
    case PickleKind::kNone:
    case PickleKind::kBool:
    case PickleKind::kInteger:
    case PickleKind::kBigInteger:
    case PickleKind::kFloat:
    case PickleKind::kString:
    case PickleKind::kBytes:
    case PickleKind::kTuple:
    case PickleKind::kList:
    case PickleKind::kSet:
    case PickleKind::kGlobal:
    case PickleKind::kPersistent:
      return Fail("sets the state of a value that has none");
  }
}

void PickleMachine::AddElements(const std::vector<ValueId>& elements) {
  const ValueId target = Pop();
  Push(target);
  const PickleKind kind = document_[target].kind;
  const bool takes = kind == PickleKind::kList || kind == PickleKind::kSet ||
                     (kind == PickleKind::kObject && !document_[target].is_mapping);
  if (!takes) return Fail("appends to a value that is not a list or set");
  auto& children = ChildrenOf(target);
  children.insert(children.end(), elements.begin(), elements.end());
}

void PickleMachine::AddPairs(const std::vector<ValueId>& pairs) {
  const ValueId target = Pop();
  Push(target);
  if (pairs.size() % 2 != 0) return Fail("a key without a value");
  const PickleValue& value = document_[target];
  const bool takes = value.kind == PickleKind::kDict ||
                     (value.kind == PickleKind::kObject && (value.is_mapping || value.children == 0));
  if (!takes) return Fail("sets items of a value that is not a dict");
  document_.values_[target].is_mapping = true;
  auto& children = ChildrenOf(target);
  children.insert(children.end(), pairs.begin(), pairs.end());
}

void PickleMachine::Execute(Op op) {
  switch (op) {
    case Op::kProto:
      return Protocol();
    case Op::kFrame:  // a hint for buffering; must still lie inside
      if (TakeLittle<uint64_t>() > pickle_.size() - at_) Fail("a frame reaches beyond the end of the pickle");
      return;
    case Op::kStop:
      stopped_ = true;
      return;
    case Op::kMark:
      return Mark();
    case Op::kPop:
      // A mark may stand on top; Python's pickler uses POP for both.
      if (!marks_.empty() && marks_.back() == stack_.size()) return marks_.pop_back();
      Pop();
      return;
    case Op::kPopMark:
      PopToMark();
      return;
    case Op::kDup: {
      const ValueId value = Pop();
      Push(value);
      return Push(value);
    }
    case Op::kNone:
      return Push(none_);
    case Op::kNewTrue:
      return Push(booleans_[1]);
    case Op::kNewFalse:
      return Push(booleans_[0]);
    case Op::kBinInt:
      return PushInteger(TakeLittle<int32_t>());
    case Op::kBinInt1:
      return PushInteger(TakeLittle<uint8_t>());
    case Op::kBinInt2:
      return PushInteger(TakeLittle<uint16_t>());
    case Op::kLong1:
      return PushLong(Take(TakeLittle<uint8_t>()));
    case Op::kLong4:
      return PushLong(Take(TakeLittle<uint32_t>()));
    case Op::kBinFloat: {
      const ValueId value = New(PickleKind::kFloat);  // the only big-endian field
      document_.values_[value].number = std::bit_cast<double>(__builtin_bswap64(TakeLittle<uint64_t>()));
      return Push(value);
    }
    case Op::kBinUnicode:
      return PushString(Take(TakeLittle<uint32_t>()));
    case Op::kShortBinUnicode:
      return PushString(Take(TakeLittle<uint8_t>()));
    case Op::kBinUnicode8:
      return PushString(Take(TakeLittle<uint64_t>()));
    case Op::kBinString:
      return PushString(Take(TakeLittle<uint32_t>()));
    case Op::kShortBinString:
      return PushString(Take(TakeLittle<uint8_t>()));
    case Op::kBinBytes:
      return Push(NewText(PickleKind::kBytes, Take(TakeLittle<uint32_t>())));
    case Op::kShortBinBytes:
      return Push(NewText(PickleKind::kBytes, Take(TakeLittle<uint8_t>())));
    case Op::kBinBytes8:
    case Op::kByteArray8:
      return Push(NewText(PickleKind::kBytes, Take(TakeLittle<uint64_t>())));
    case Op::kEmptyTuple:
      return PushContainer(PickleKind::kTuple, {});
    case Op::kTuple1:
      return PushContainer(PickleKind::kTuple, PopCount(1));
    case Op::kTuple2:
      return PushContainer(PickleKind::kTuple, PopCount(2));
    case Op::kTuple3:
      return PushContainer(PickleKind::kTuple, PopCount(3));
    case Op::kTuple:
      return PushContainer(PickleKind::kTuple, PopToMark());
    case Op::kFrozenSet:
      return PushContainer(PickleKind::kSet, PopToMark());
    case Op::kEmptyList:
      return PushContainer(PickleKind::kList, {});
    case Op::kEmptyDict:
      return PushContainer(PickleKind::kDict, {});
    case Op::kEmptySet:
      return PushContainer(PickleKind::kSet, {});
    case Op::kAppend:
      return AddElements(PopCount(1));
    case Op::kAppends:
    case Op::kAddItems:
      return AddElements(PopToMark());
    case Op::kSetItem:
      return AddPairs(PopCount(2));
    case Op::kSetItems:
      return AddPairs(PopToMark());
    case Op::kBinPut:
      return Store(TakeLittle<uint8_t>());
    case Op::kLongBinPut:
      return Store(TakeLittle<uint32_t>());
    case Op::kMemoize:
      return Store(memo_.size());
    case Op::kBinGet:
      return Load(TakeLittle<uint8_t>());
    case Op::kLongBinGet:
      return Load(TakeLittle<uint32_t>());
    case Op::kGlobal:
      return TextGlobal();
    case Op::kStackGlobal:
      return StackGlobal();
    case Op::kBinPersId: {
      const ValueId id = Pop();
      const ValueId value = New(PickleKind::kPersistent);
      document_.values_[value].args = id;
      return Push(value);
    }
    case Op::kReduce:
    case Op::kNewObj:
      return Reduce();
    case Op::kNewObjEx:
      return NewObjEx();
    case Op::kBuild:
      return Build();
  }
  Fail(fmt::format("opcode {:#04x} is unknown or not supported", static_cast<unsigned>(op)),
       "only pickles of protocol 2 to 5 are read");
}

Result<PickleDocument> PickleMachine::Run() {
  if (pickle_.size() > limits_.max_bytes) {
    return InputError(AtByte(where_, 0), fmt::format("the pickle has {} bytes, more than the limit of {}",
                                                     pickle_.size(), limits_.max_bytes));
  }
  none_ = New(PickleKind::kNone);
  for (ValueId& value : booleans_) value = New(PickleKind::kBool);
  document_.values_[booleans_[1]].integer = 1;
  if (pickle_.empty() || pickle_[0] != static_cast<std::byte>(Op::kProto)) {
    return InputError(AtByte(where_, 0), "does not begin as a pickle of protocol 2 or later");
  }
  while (!stopped_ && !error_) {
    opcode_at_ = at_;
    if (at_ == pickle_.size()) {
      Fail("the pickle ends without a STOP");
      break;
    }
    Execute(static_cast<Op>(TakeLittle<uint8_t>()));
  }
  if (!error_) {
    document_.root_ = Pop();
    if (!stack_.empty() || !marks_.empty()) Fail("values are left over at the end of the pickle");
    if (at_ != pickle_.size()) Fail(fmt::format("{} bytes follow the end of the pickle", pickle_.size() - at_));
  }
  if (error_) return *error_;
  return std::move(document_);
}

Result<PickleDocument> ReadPickle(Bytes pickle, std::string_view where, const PickleLimits& limits) {
  return PickleMachine(pickle, where, limits).Run();
}

}  // namespace vlaq::checkpoint
