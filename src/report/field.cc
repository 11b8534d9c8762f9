#include "report/field.h"

#include <fmt/format.h>

#include "base/json.h"

namespace vlaq::report {

Field::Field(const Json& document, std::string where)
    : value_(&document), where_(std::move(where)), trouble_(std::make_shared<std::optional<Error>>()) {}

void Field::Complain(std::string what) const {
  if (!*trouble_)
    *trouble_ = InputError(where_, std::move(what), "let the verb that wrote the document write it again");
}

Status Field::Trouble() const {
  if (*trouble_) return **trouble_;
  return {};
}

bool Field::Is(bool fits, std::string_view wanted) const {
  if (value_ == nullptr) return false;
  if (!fits) Complain(fmt::format("must be {}", wanted));
  return fits;
}

Field Field::operator[](std::string_view key) const {
  if (!IsObject()) {
    Is(false, "an object");
    return {nullptr, where_, trouble_};
  }
  const auto found = value_->find(key);
  if (found == value_->end()) {
    Complain(fmt::format("'{}' is missing", key));
    return {nullptr, where_, trouble_};
  }
  return {&*found, fmt::format("{}/{}", where_, key), trouble_};
}

std::optional<Field> Field::Find(std::string_view key) const {
  if (!IsObject()) {
    Is(false, "an object");
    return std::nullopt;
  }
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return Field(&*found, fmt::format("{}/{}", where_, key), trouble_);
}

double Field::Number() const {
  if (!Is(value_ != nullptr && value_->is_number(), "a number")) return 0;
  return value_->get<double>();
}

int64_t Field::Integer() const {
  if (!Is(value_ != nullptr && value_->is_number_integer(), "a whole number")) return 0;
  return value_->get<int64_t>();
}

std::string Field::Text() const {
  if (!Is(value_ != nullptr && value_->is_string(), "a text")) return {};
  return value_->get<std::string>();
}

bool Field::Flag() const {
  if (!Is(value_ != nullptr && value_->is_boolean(), "true or false")) return false;
  return value_->get<bool>();
}

std::vector<Field> Field::Items() const {
  std::vector<Field> items;
  if (!Is(IsArray(), "a list")) return items;
  for (size_t i = 0; i < value_->size(); ++i) {
    items.push_back({&(*value_)[i], fmt::format("{}/{}", where_, i), trouble_});
  }
  return items;
}

std::vector<std::pair<std::string, Field>> Field::Members() const {
  std::vector<std::pair<std::string, Field>> members;
  if (!Is(IsObject(), "an object")) return members;
  for (const auto& [key, value] : value_->items()) {
    members.emplace_back(key, Field(&value, fmt::format("{}/{}", where_, key), trouble_));
  }
  return members;
}

std::vector<double> Field::Numbers() const {
  std::vector<double> numbers;
  for (const Field& item : Items()) numbers.push_back(item.Number());
  return numbers;
}

std::vector<std::string> Field::Texts() const {
  std::vector<std::string> texts;
  for (const Field& item : Items()) texts.push_back(item.Text());
  return texts;
}

std::string Field::Plain() const {
  if (value_ == nullptr) return "";
  if (value_->is_null()) return "not known";
  if (value_->is_string()) return value_->get<std::string>();
  if (value_->is_boolean()) return value_->get<bool>() ? "yes" : "no";
  return value_->dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool Field::IsObject() const { return value_ != nullptr && value_->is_object(); }
bool Field::IsArray() const { return value_ != nullptr && value_->is_array(); }
bool Field::IsNumber() const { return value_ != nullptr && value_->is_number(); }

}  // namespace vlaq::report
