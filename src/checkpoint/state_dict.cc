#include "checkpoint/state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "checkpoint/messages.h"

namespace vlaq::checkpoint {
namespace {

constexpr std::array<std::string_view, 4> kContainers = {"model_state_dict", "state_dict", "model", "module"};
constexpr int kMaxNesting = 32;
constexpr size_t kMaxTensorName = 1024;  // bytes; joined names of a hostile file would multiply otherwise
constexpr size_t kMaxOthers = 1000;
constexpr size_t kMaxTensors = 200'000;

class Finder {
 public:
  Finder(const PickleDocument& document, const std::string& where)
      : document_(document), where_(where), examined_(document.size(), false), flattened_(document.size(), false) {}

  Result<StateDict> Find();

 private:
  bool IsText(ValueId id) const { return document_[id].kind == PickleKind::kString; }
  bool LooksLikeModule(ValueId root);
  Error NotFound() const;
  Status Flatten(ValueId mapping, const std::string& prefix, int depth);
  Status FlattenRoot();
  Status AddTensor(std::string name, ValueId value);
  void AddOther(std::string name, ValueId value);
  void AddOthersOfRoot(ValueId except);

  const PickleDocument& document_;
  const std::string& where_;
  std::vector<bool> examined_;
  std::vector<bool> flattened_;
  StateDict found_;
};

// A mapping from text to tensors and further such mappings, with at least one tensor. Optimizer state is not: its keys
// are numbers.
bool Finder::LooksLikeModule(ValueId root) {
  if (!document_[root].is_mapping) return false;
  std::vector<ValueId> open = {root};
  bool has_tensor = false;
  while (!open.empty()) {
    const ValueId mapping = open.back();
    open.pop_back();
    if (examined_[mapping]) continue;
    examined_[mapping] = true;
    const auto children = document_.Children(mapping);
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      if (!IsText(children[i])) return false;
      if (IsTensor(document_, children[i + 1])) {
        has_tensor = true;
      } else if (document_[children[i + 1]].is_mapping) {
        open.push_back(children[i + 1]);
      }
    }
  }
  return has_tensor;
}

Error Finder::NotFound() const {
  const PickleValue& root = document_[document_.root()];
  const std::string where = where_ + ": data.pkl";
  if (root.kind == PickleKind::kObject && !root.is_mapping) {
    return InputError(
        where,
        fmt::format("the file holds an object of class {}.{}, not a dict of tensors",
                    Printable(document_.Module(root.callable), 80), Printable(document_.Name(root.callable), 80)),
        "load it where its class is known and save model.state_dict()");
  }
  std::string keys;
  const auto children = document_.Children(document_.root());
  for (size_t i = 0; root.is_mapping && i + 1 < children.size() && keys.size() < 200; i += 2) {
    if (IsText(children[i])) keys += (keys.empty() ? "" : ", ") + Quoted(document_.Text(children[i]));
  }
  return InputError(where,
                    "no state dict: " + (keys.empty() ? "the top level is no dict" : "the top level has " + keys),
                    "the weights are expected at the top level or under model_state_dict, state_dict, model or module");
}

void Finder::AddOther(std::string name, ValueId value) {
  if (found_.others.size() >= kMaxOthers) return;
  found_.others.emplace_back(std::move(name), value);
}

Status Finder::AddTensor(std::string name, ValueId value) {
  VLAQ_ASSIGN_OR_RETURN(TorchTensor tensor,
                        ReadTorchTensor(document_, value, fmt::format("{}: tensor {}", where_, Quoted(name))));
  if (found_.tensors.size() >= kMaxTensors) {
    return InputError(where_ + ": data.pkl", fmt::format("more than {} tensors", kMaxTensors));
  }
  found_.tensors.push_back({std::move(name), std::move(tensor)});
  return {};
}

Status Finder::Flatten(ValueId mapping, const std::string& prefix, int depth) {
  const std::string where = fmt::format("{}: data.pkl: the dict {}", where_, Quoted(prefix));
  if (depth > kMaxNesting) return InputError(where, fmt::format("modules nested deeper than {} levels", kMaxNesting));
  if (flattened_[mapping]) return InputError(where, "occurs in two places");
  flattened_[mapping] = true;
  const auto children = document_.Children(mapping);
  for (size_t i = 0; i + 1 < children.size(); i += 2) {
    if (!IsText(children[i])) return InputError(where, "has a key that is not a text");
    std::string name = prefix.empty() ? "" : prefix + ".";
    name += document_.Text(children[i]);
    if (name.size() > kMaxTensorName) {
      return InputError(where, fmt::format("tensor {}: a name of {} bytes", Quoted(name), name.size()));
    }
    const ValueId value = children[i + 1];
    if (IsTensor(document_, value)) {
      VLAQ_RETURN_IF_ERROR(AddTensor(std::move(name), value));
    } else if (document_[value].is_mapping) {
      VLAQ_RETURN_IF_ERROR(Flatten(value, name, depth + 1));
    } else {
      AddOther(std::move(name), value);
    }
  }
  return {};
}

// The file is the state dict, perhaps with a few other things in it.
Status Finder::FlattenRoot() {
  const auto children = document_.Children(document_.root());
  for (size_t i = 0; i + 1 < children.size(); i += 2) {
    const ValueId key = children[i];
    const ValueId value = children[i + 1];
    const std::string name =
        IsText(key) ? std::string(document_.Text(key).substr(0, kMaxTensorName)) : fmt::format("<key {}>", i / 2);
    if (IsText(key) && IsTensor(document_, value)) {
      VLAQ_RETURN_IF_ERROR(AddTensor(name, value));
    } else if (IsText(key) && !name.starts_with("optim") && LooksLikeModule(value)) {
      VLAQ_RETURN_IF_ERROR(Flatten(value, name, 1));
    } else {
      AddOther(name, value);
    }
  }
  return {};
}

void Finder::AddOthersOfRoot(ValueId except) {
  const auto children = document_.Children(document_.root());
  for (size_t i = 0; i + 1 < children.size(); i += 2) {
    if (children[i + 1] == except || !IsText(children[i])) continue;
    AddOther(std::string(document_.Text(children[i]).substr(0, kMaxTensorName)), children[i + 1]);
  }
}

Result<StateDict> Finder::Find() {
  const ValueId root = document_.root();
  if (!document_[root].is_mapping) return NotFound();
  for (const std::string_view container : kContainers) {
    const auto value = document_.Find(root, container);
    if (!value || !LooksLikeModule(*value)) continue;
    found_.container = container;
    AddOthersOfRoot(*value);
    VLAQ_RETURN_IF_ERROR(Flatten(*value, "", 0));
    return std::move(found_);
  }
  VLAQ_RETURN_IF_ERROR(FlattenRoot());
  if (found_.tensors.empty()) return NotFound();
  return std::move(found_);
}

}  // namespace

Result<StateDict> FindStateDict(const PickleDocument& document, const std::string& where) {
  return Finder(document, where).Find();
}

}  // namespace vlaq::checkpoint
