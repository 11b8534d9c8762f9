#include "checkpoint/state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "checkpoint/messages.h"

namespace vlaq::checkpoint {
namespace {

constexpr std::array<std::string_view, 4> kContainers = {"model_state_dict", "state_dict", "model", "module"};
constexpr int kMaxNesting = 32;
constexpr size_t kMaxTensorName = 1024;  // bytes; joined names of a hostile file would multiply otherwise
constexpr size_t kMaxOthers = 1000;
constexpr size_t kMaxTensors = 200'000;
constexpr size_t kMaxDicts = 64;  // of the top level that are looked into

class Finder {
 public:
  Finder(const PickleDocument& document, const std::string& where)
      : document_(document),
        where_(where),
        examined_(document.size(), 0),
        budget_(8 * document.size()),
        flattened_(document.size(), false) {}

  Result<StateDict> Find(const std::string& wanted);

 private:
  bool IsText(ValueId id) const { return document_[id].kind == PickleKind::kString; }
  bool LooksLikeModule(ValueId root);
  Error NotFound() const;
  std::optional<ValueId> Lookup(std::string_view path) const;
  Error NoSuch(const std::string& wanted);
  bool HasTheSameNames(ValueId mapping, const std::set<std::string_view>& names);
  void FindAlternatives(ValueId taken);
  Result<StateDict> Take(std::string container, ValueId value);
  Status Flatten(ValueId mapping, const std::string& prefix, int depth);
  Status FlattenRoot();
  Status AddTensor(std::string name, ValueId value);
  void AddOther(std::string name, ValueId value);
  void AddOthersOfRoot(ValueId except);

  const PickleDocument& document_;
  const std::string& where_;
  std::vector<uint32_t> examined_;  // the round in which a mapping was visited last
  uint32_t round_ = 0;
  size_t budget_;  // visits left over all rounds, so that values shared by many cannot make the work quadratic
  std::vector<bool> flattened_;
  StateDict found_;
};

// A mapping from text to tensors and further such mappings, with at least one tensor. Optimizer state is not: its keys
// are numbers.
bool Finder::LooksLikeModule(ValueId root) {
  if (!document_[root].is_mapping) return false;
  ++round_;
  std::vector<ValueId> open = {root};
  bool has_tensor = false;
  while (!open.empty()) {
    const ValueId mapping = open.back();
    open.pop_back();
    if (std::exchange(examined_[mapping], round_) == round_) continue;
    const auto children = document_.Children(mapping);
    if (budget_ < children.size() + 1) return false;
    budget_ -= children.size() + 1;
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

// The value under a key of the top level, or of a dict below it: the longest keys first, for keys may hold dots.
std::optional<ValueId> Finder::Lookup(std::string_view path) const {
  ValueId at = document_.root();
  while (document_[at].is_mapping) {
    if (const auto value = document_.Find(at, path)) return value;
    size_t dot = path.rfind('.');
    std::optional<ValueId> next;
    while (dot != path.npos && dot > 0 && !(next = document_.Find(at, path.substr(0, dot)))) {
      dot = path.rfind('.', dot - 1);
    }
    if (!next) return std::nullopt;
    at = *next;
    path.remove_prefix(dot + 1);
  }
  return std::nullopt;
}

Error Finder::NoSuch(const std::string& wanted) {
  std::string known;
  const auto children = document_.Children(document_.root());
  size_t looked_into = 0;
  for (size_t i = 0; i + 1 < children.size() && looked_into < kMaxDicts; i += 2) {
    if (!IsText(children[i]) || !document_[children[i + 1]].is_mapping) continue;
    ++looked_into;
    if (LooksLikeModule(children[i + 1]))
      known += (known.empty() ? "" : ", ") + Printable(document_.Text(children[i]), 80);
  }
  return {ErrorCode::kUsage, fmt::format("has no state dict {}", Quoted(wanted)), where_,
          known.empty() ? "its tensors lie at the top level" : "it has " + known};
}

// Without DataParallel's prefix.
std::string_view BareName(std::string_view name) { return name.starts_with("module.") ? name.substr(7) : name; }

// True if a mapping holds tensors under at least half of the names.
bool Finder::HasTheSameNames(ValueId mapping, const std::set<std::string_view>& names) {
  const auto shared = [&](ValueId dict) {
    size_t count = 0;
    const auto children = document_.Children(dict);
    if (budget_ < children.size()) return false;
    budget_ -= children.size();
    for (size_t i = 0; i + 1 < children.size(); i += 2) {
      if (!IsText(children[i]) || !IsTensor(document_, children[i + 1])) continue;
      count += names.count(BareName(document_.Text(children[i])));
    }
    return 2 * count >= names.size() && count > 0;
  };
  if (shared(mapping)) return true;
  for (const std::string_view inner : kContainers) {
    const auto value = document_.Find(mapping, inner);
    if (value && document_[*value].is_mapping && shared(*value)) return true;
  }
  return false;
}

void Finder::FindAlternatives(ValueId taken) {
  std::set<std::string_view> names;
  for (const NamedTensor& tensor : found_.tensors) names.insert(BareName(tensor.name));
  const auto children = document_.Children(document_.root());
  size_t looked_into = 0;
  for (size_t i = 0; i + 1 < children.size() && looked_into < kMaxDicts; i += 2) {
    const ValueId value = children[i + 1];
    if (value == taken || !IsText(children[i]) || !document_[value].is_mapping) continue;
    ++looked_into;
    const std::string_view key = document_.Text(children[i]);
    if (!key.starts_with("optim") && HasTheSameNames(value, names)) found_.alternatives.push_back(Printable(key, 80));
  }
}

Result<StateDict> Finder::Take(std::string container, ValueId value) {
  found_.container = std::move(container);
  AddOthersOfRoot(value);
  VLAQ_RETURN_IF_ERROR(Flatten(value, "", 0));
  FindAlternatives(value);
  return std::move(found_);
}

Result<StateDict> Finder::Find(const std::string& wanted) {
  const ValueId root = document_.root();
  if (!document_[root].is_mapping) return NotFound();
  if (!wanted.empty()) {
    const auto value = Lookup(wanted);
    if (!value || !LooksLikeModule(*value)) return NoSuch(wanted);
    return Take(wanted, *value);
  }
  for (const std::string_view container : kContainers) {
    const auto value = document_.Find(root, container);
    if (value && LooksLikeModule(*value)) return Take(std::string(container), *value);
  }
  VLAQ_RETURN_IF_ERROR(FlattenRoot());
  if (found_.tensors.empty()) return NotFound();
  return std::move(found_);
}

}  // namespace

Result<StateDict> FindStateDict(const PickleDocument& document, const std::string& where, const std::string& wanted) {
  return Finder(document, where).Find(wanted);
}

}  // namespace vlaq::checkpoint
