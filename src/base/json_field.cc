#include "base/json_field.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace vlaq {
namespace {

bool IsPathChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool IsInt64(const Json& json) {
  return json.is_number_integer() && !(json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{INT64_MAX});
}

// Every item of an array, or nothing and false if one is of another type.
template <typename T, typename IsItem>
bool TakeItems(const Json& list, const IsItem& is_item, std::vector<T>& to) {
  to.reserve(list.size());
  for (const Json& item : list) {
    if (!is_item(item)) {
      to.clear();
      return false;
    }
    to.push_back(item.get<T>());
  }
  return true;
}

std::string NearestOrAll(std::string_view word, const std::vector<std::string>& known) {
  if (known.empty()) return "";
  const std::string nearest = NearestWord(word, known);
  return nearest.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                         : fmt::format("did you mean \"{}\"?", nearest);
}

}  // namespace

JsonField::JsonField(const Json& document, std::string where, std::string advice)
    : value_(&document), state_(std::make_shared<State>(State{std::move(where), std::move(advice), {}})) {}

std::string JsonField::PathOf(std::string_view key) const {
  // Keys that are names of nodes or files hold what would read as a path of its own.
  if (key.empty() || !std::all_of(key.begin(), key.end(), IsPathChar)) return fmt::format("{}[\"{}\"]", path_, key);
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void JsonField::Fail(std::string_view problem, std::string_view advice) const {
  if (!state_->status.ok()) return;
  state_->status =
      InputError(state_->where, path_.empty() ? std::string(problem) : fmt::format("{} {}", path_, problem),
                 advice.empty() ? state_->advice : std::string(advice));
}

void JsonField::FailUnknown(std::string_view name, const std::vector<std::string>& known) const {
  Fail(fmt::format("is \"{}\", which is not known", name), NearestOrAll(name, known));
}

bool JsonField::Is(bool fits, std::string_view wanted) const {
  if (value_ == nullptr) return false;
  if (fits) return true;
  if (path_.empty() && wanted == "an object") {
    Fail("is not a JSON object");
  } else {
    Fail(fmt::format("must be {}", wanted));
  }
  return false;
}

const Json& JsonField::json() const {
  static const Json nothing;
  return value_ == nullptr ? nothing : *value_;
}

bool JsonField::IsObject() const { return json().is_object(); }
bool JsonField::IsArray() const { return json().is_array(); }
bool JsonField::IsNumber() const { return json().is_number(); }
bool JsonField::IsText() const { return json().is_string(); }

std::optional<JsonField> JsonField::Find(std::string_view key) const {
  if (!Is(IsObject(), "an object")) return std::nullopt;
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonField(&*found, PathOf(key), state_);
}

JsonField JsonField::operator[](std::string_view key) const {
  if (auto member = Find(key)) return *std::move(member);
  if (IsObject()) FailAt(key, "is missing");
  return {nullptr, PathOf(key), state_};
}

std::vector<std::pair<std::string, JsonField>> JsonField::Members() const {
  std::vector<std::pair<std::string, JsonField>> members;
  if (!Is(IsObject(), "an object")) return members;
  for (const auto& [key, value] : value_->items()) members.emplace_back(key, JsonField(&value, PathOf(key), state_));
  return members;
}

std::vector<JsonField> JsonField::Items() const {
  std::vector<JsonField> items;
  if (!Is(IsArray(), "an array")) return items;
  for (const Json& value : *value_) items.push_back({&value, fmt::format("{}[{}]", path_, items.size()), state_});
  return items;
}

void JsonField::Only(const std::vector<std::string>& known, std::string_view what) const {
  if (!Is(IsObject(), "an object")) return;
  for (const auto& [key, value] : value_->items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return FailAt(key, fmt::format("is not a key of {}", what), NearestOrAll(key, known));
  }
}

bool JsonField::HasSchema(std::string_view schema, std::string_view advice) const {
  if (!Is(IsObject(), "an object")) return false;
  const auto found = value_->find("schema");
  if (found == value_->end()) {
    FailAt("schema", fmt::format("is missing: it must be \"{}\"", schema), advice);
  } else if (*found != Json(schema)) {
    FailAt("schema", fmt::format("is {}, not \"{}\"", JsonString(*found), schema), advice);
  }
  return state_->status.ok();
}

int64_t JsonField::Integer(int64_t least, int64_t most) const {
  if (!Is(IsInt64(json()), "an integer")) return 0;
  const auto value = value_->get<int64_t>();
  if (value >= least && value <= most) return value;
  Fail(most == kHighest ? fmt::format("must be an integer from {}, not {}", least, value)
                        : fmt::format("must be {} to {}, not {}", least, most, value));
  return 0;
}

uint64_t JsonField::Count() const {
  const bool whole = json().is_number_unsigned() || (json().is_number_integer() && json().get<int64_t>() >= 0);
  if (!Is(whole, "an integer from 0")) return 0;
  return value_->get<uint64_t>();
}

double JsonField::Number() const {
  if (!Is(IsNumber(), "a number")) return 0;
  return value_->get<double>();
}

double JsonField::Number(double least, double most) const {
  const double value = Number();
  if (value_ == nullptr || (value >= least && value <= most)) return value;
  Fail(fmt::format("must be {} to {}, not {}", least, most, value));
  return 0;
}

std::string JsonField::Text() const {
  if (!Is(IsText(), "a string")) return {};
  return value_->get<std::string>();
}

bool JsonField::Flag() const {
  if (!Is(json().is_boolean(), "true or false")) return false;
  return value_->get<bool>();
}

void JsonField::To(int& to) const {
  Keep(static_cast<int>(Integer(std::numeric_limits<int>::min(), std::numeric_limits<int>::max())), to);
}

std::vector<int64_t> JsonField::Integers() const {
  std::vector<int64_t> values;
  Is(IsArray() && TakeItems(*value_, IsInt64, values), "an array of integers");
  return values;
}

std::vector<double> JsonField::Numbers() const {
  std::vector<double> values;
  Is(IsArray() && TakeItems(
                      *value_, [](const Json& item) { return item.is_number(); }, values),
     "an array of numbers");
  return values;
}

std::vector<std::string> JsonField::Texts() const {
  std::vector<std::string> values;
  Is(IsArray() && TakeItems(
                      *value_, [](const Json& item) { return item.is_string(); }, values),
     "an array of strings");
  return values;
}

std::map<std::string, std::string> JsonField::TextByKey() const {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : Members()) texts.emplace(key, value.Text());
  return texts;
}

std::string JsonField::ObjectText() const { return Is(IsObject(), "an object") ? JsonString(*value_) : ""; }

void JsonField::To(std::vector<float>& to) const {
  std::vector<float> floats;
  for (const double value : Numbers()) {
    if (std::fabs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
      Fail(fmt::format("holds {}, which is no float32", value));
      return;
    }
    floats.push_back(static_cast<float>(value));
  }
  Keep(std::move(floats), to);
}

}  // namespace vlaq
