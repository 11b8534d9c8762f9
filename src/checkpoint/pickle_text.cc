#include "checkpoint/pickle_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "checkpoint/messages.h"
#include "checkpoint/numpy_scalar.h"

namespace vlaq::checkpoint {
namespace {

constexpr size_t kMaxText = 600;  // bytes of the whole line
constexpr int kMaxTextDepth = 8;

// Writes values the way Python's repr would. Every call adds at least one byte and stops at kMaxText, so shared values
// cannot multiply; depth is limited, so self-reference ends.
class Renderer {
 public:
  explicit Renderer(const PickleDocument& document) : document_(document) {}

  std::string Finish() {
    if (!full_) return std::move(out_);
    out_.resize(std::min(out_.size(), kMaxText));
    return Printable(out_, kMaxText) + "...";  // a cut may have split a character
  }

  void Render(ValueId id, int depth) {
    if (depth > kMaxTextDepth) return Add("...");
    const PickleValue& value = document_[id];
    switch (value.kind) {
      case PickleKind::kNone:
        return Add("None");
      case PickleKind::kBool:
        return Add(value.integer != 0 ? "True" : "False");
      case PickleKind::kInteger:
        return Add(fmt::format("{}", value.integer));
      case PickleKind::kBigInteger:
        return Add(fmt::format("<integer of {} bytes>", value.length));
      case PickleKind::kFloat:
        return Add(fmt::format("{}", value.number));
      case PickleKind::kString:
        return Add(depth == 0 ? Printable(document_.Text(id), kMaxText) : Quoted(document_.Text(id)));
      case PickleKind::kBytes:
        return Add(fmt::format("<{} bytes>", value.length));
      case PickleKind::kTuple:
        return List(id, depth, "(", document_.Children(id).size() == 1 ? ",)" : ")");
      case PickleKind::kList:
        return List(id, depth, "[", "]");
      case PickleKind::kSet:
        return List(id, depth, "{", "}");
      case PickleKind::kDict:
        return Pairs(id, depth, "{", ": ", "}");
      case PickleKind::kGlobal:
        return Add(ClassName(id, true));
      case PickleKind::kPersistent:
        return Add("<storage>");
      case PickleKind::kObject:
        return Object(id, depth);
    }
  }

 private:
  void Add(std::string_view text) {
    out_ += text;
    full_ = full_ || out_.size() >= kMaxText;
  }

  std::string ClassName(ValueId id, bool with_module) const {
    const std::string name = Printable(document_.Name(id), 100);
    return with_module ? Printable(document_.Module(id), 100) + "." + name : name;
  }

  void List(ValueId id, int depth, std::string_view open, std::string_view close) {
    Add(open);
    bool first = true;
    for (const ValueId child : document_.Children(id)) {
      if (full_) return;
      if (!first) Add(", ");
      first = false;
      Render(child, depth + 1);
    }
    Add(close);
  }

  void Pairs(ValueId id, int depth, std::string_view open, std::string_view between, std::string_view close) {
    Add(open);
    const auto children = document_.Children(id);
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      if (full_) return;
      if (i > 0) Add(", ");
      const bool bare = between == "=" && document_[children[i]].kind == PickleKind::kString;
      Render(children[i], bare ? 0 : depth + 1);
      Add(between);
      Render(children[i + 1], depth + 1);
    }
    Add(close);
  }

  void Object(ValueId id, int depth) {
    if (const auto number = NumpyScalarText(document_, id)) return Add(*number);
    const PickleValue& value = document_[id];
    if (IsTensor(document_, id)) return Add("<tensor>");
    Add(ClassName(value.callable, false));
    if (value.state != kNoValue && document_[value.state].is_mapping) {
      return Pairs(value.state, depth + 1, "(", "=", ")");
    }
    if (value.is_mapping) return Pairs(id, depth + 1, "({", ": ", "})");
    List(value.args, depth + 1, "(", ")");
  }

  const PickleDocument& document_;
  std::string out_;
  bool full_ = false;
};

std::string KindName(const PickleDocument& document, ValueId id) {
  const PickleKind kind = document[id].kind;
  if (kind == PickleKind::kDict) return "dict";
  if (kind == PickleKind::kList) return "list";
  if (kind == PickleKind::kTuple) return "tuple";
  if (kind == PickleKind::kObject) return Printable(document.Name(document[id].callable), 100);
  return "value";
}

}  // namespace

PickleDescriber::PickleDescriber(const PickleDocument& document, ScalarText scalar)
    : document_(document), scalar_(std::move(scalar)), seen_(document.size(), 0), budget_(4 * document.size()) {}

// Visits every value below `root` once, without recursion.
PickleDescriber::TensorSum PickleDescriber::SumTensors(ValueId root) {
  ++round_;
  std::vector<ValueId> open;
  const auto visit = [&](ValueId id) {
    if (id == kNoValue || seen_[id] == round_) return;
    seen_[id] = round_;
    open.push_back(id);
  };
  visit(root);
  TensorSum sum;
  while (!open.empty()) {
    if (budget_ == 0) {
      sum.complete = false;
      return sum;
    }
    const ValueId id = open.back();
    open.pop_back();
    const auto children = document_.Children(id);
    budget_ -= std::min(budget_, 1 + children.size());
    if (IsTensor(document_, id)) {
      ++sum.tensors;
      const auto tensor = ReadTorchTensor(document_, id, "");
      if (tensor.ok()) sum.bytes = CheckedAdd(sum.bytes, *ByteCount(tensor->dtype, tensor->shape)).value_or(UINT64_MAX);
      continue;
    }
    for (const ValueId child : children) visit(child);
    if (document_[id].kind != PickleKind::kObject) continue;
    visit(document_[id].args);
    visit(document_[id].state);
  }
  return sum;
}

std::string PickleDescriber::DescribeTensor(ValueId value) const {
  const auto tensor = ReadTorchTensor(document_, value, "tensor");
  if (!tensor.ok()) return "a tensor that cannot be read";
  if (ElementCount(tensor->shape) == 1) {
    std::string number = scalar_(*tensor);
    if (!number.empty()) return number;
  }
  return fmt::format("tensor {} {}", DTypeName(tensor->dtype), ShapeText(tensor->shape));
}

std::string PickleDescriber::Describe(ValueId value) {
  if (IsTensor(document_, value)) return DescribeTensor(value);
  const TensorSum sum = SumTensors(value);
  if (!sum.complete) return KindName(document_, value) + " (too entangled to describe)";
  if (sum.tensors > 0) {
    return fmt::format("{}: {} tensors, {} bytes (not read)", KindName(document_, value), Grouped(sum.tensors),
                       Grouped(static_cast<int64_t>(std::min<uint64_t>(sum.bytes, INT64_MAX))));
  }
  Renderer renderer(document_);
  renderer.Render(value, 0);
  return renderer.Finish();
}

}  // namespace vlaq::checkpoint
