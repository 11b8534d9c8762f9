#include "checkpoint/pickle_settings.h"

#include <cmath>

#include "base/json.h"
#include "checkpoint/messages.h"
#include "checkpoint/numpy_scalar.h"
#include "checkpoint/torch_tensors.h"

namespace vlaq::checkpoint {
namespace {

constexpr int kMaxSettingDepth = 8;
constexpr size_t kMaxSettingText = size_t{64} << 10U;
constexpr size_t kMaxListed = 1000;

}  // namespace

Json SettingOfText(std::string_view text) {
  if (text.size() > kMaxSettingText || !IsUtf8(text)) return nullptr;
  auto parsed = ParseJson(text, "");
  return parsed.ok() ? std::move(*parsed) : Json(std::string(text));
}

bool PickleSettings::Spend(size_t bytes) {
  if (bytes > bytes_) return false;
  bytes_ -= bytes;
  return true;
}

Json PickleSettings::Text(std::string_view text) {
  if (!IsUtf8(text) || !Spend(text.size())) return nullptr;
  return text.starts_with('{') ? SettingOfText(text) : Json(std::string(text));
}

Json PickleSettings::Mapping(ValueId value, int depth) {
  Json object = Json::object();
  const auto children = document_.Children(value);
  for (size_t i = 0; i + 1 < children.size() && i < 2 * kMaxListed; i += 2) {
    if (document_[children[i]].kind != PickleKind::kString) continue;
    const std::string_view key = document_.Text(children[i]);
    if (!IsUtf8(key) || !Spend(key.size())) continue;
    Json member = At(children[i + 1], depth + 1);
    if (!member.is_null()) object[std::string(key)] = std::move(member);
  }
  return object;
}

Json PickleSettings::At(ValueId id, int depth) {
  if (depth > kMaxSettingDepth || values_ == 0) return nullptr;
  --values_;
  const PickleValue& value = document_[id];
  switch (value.kind) {
    case PickleKind::kBool:
      return value.integer != 0;
    case PickleKind::kInteger:
      return value.integer;
    case PickleKind::kFloat:
      return std::isfinite(value.number) ? Json(value.number) : Json(nullptr);
    case PickleKind::kString:
      return Text(document_.Text(id));
    case PickleKind::kTuple:
    case PickleKind::kList: {
      Json list = Json::array();
      for (const ValueId child : document_.Children(id)) {
        if (list.size() == kMaxListed) return nullptr;
        list.push_back(At(child, depth + 1));
      }
      return list;
    }
    case PickleKind::kDict:
      return Mapping(id, depth);
    case PickleKind::kObject: {
      if (IsTensor(document_, id)) return nullptr;
      if (const auto number = NumpyScalarText(document_, id)) return SettingOfText(*number);
      if (value.state != kNoValue && document_[value.state].is_mapping) return Mapping(value.state, depth);
      return value.is_mapping ? Mapping(id, depth) : Json(nullptr);
    }
    case PickleKind::kNone:
    case PickleKind::kBigInteger:
    case PickleKind::kBytes:
    case PickleKind::kSet:
    case PickleKind::kGlobal:
    case PickleKind::kPersistent:
      return nullptr;
  }
  return nullptr;
}

Json PickleSettings::Of(ValueId value) { return At(value, 0); }

}  // namespace vlaq::checkpoint
