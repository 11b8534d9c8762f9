#include "checkpoint/pickle_value.h"

namespace vlaq::checkpoint {

std::string_view PickleDocument::Text(ValueId id) const {
  const PickleValue& value = values_[id];
  const bool has_text =
      value.kind == PickleKind::kString || value.kind == PickleKind::kBytes || value.kind == PickleKind::kBigInteger;
  return has_text ? std::string_view(value.text, value.length) : std::string_view();
}

std::span<const ValueId> PickleDocument::Children(ValueId id) const {
  const PickleValue& value = values_[id];
  if (value.children == 0) return {};
  return children_[value.children - 1];
}

std::string_view PickleDocument::Module(ValueId id) const {
  return values_[id].kind == PickleKind::kGlobal ? Text(values_[id].callable) : std::string_view();
}

std::string_view PickleDocument::Name(ValueId id) const {
  return values_[id].kind == PickleKind::kGlobal ? Text(values_[id].args) : std::string_view();
}

bool PickleDocument::IsGlobal(ValueId id, std::string_view module, std::string_view name) const {
  return values_[id].kind == PickleKind::kGlobal && Module(id) == module && Name(id) == name;
}

std::optional<ValueId> PickleDocument::Find(ValueId mapping, std::string_view key) const {
  if (!values_[mapping].is_mapping) return std::nullopt;
  const auto children = Children(mapping);
  for (size_t i = children.size(); i >= 2; i -= 2) {
    const ValueId candidate = children[i - 2];
    if (values_[candidate].kind == PickleKind::kString && Text(candidate) == key) return children[i - 1];
  }
  return std::nullopt;
}

std::optional<int64_t> PickleDocument::Integer(ValueId id) const {
  if (values_[id].kind != PickleKind::kInteger) return std::nullopt;
  return values_[id].integer;
}

}  // namespace vlaq::checkpoint
