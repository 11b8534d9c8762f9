// Reading of documents that may be damaged or edited: asking never fails; the first thing that was not as it must be is
// remembered, and whoever read the document asks for it at the end. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq::report {

// A value in a document and its place ("results.json: /subjects/0/summary"). The document must outlive it.
class Field {
 public:
  Field(const Json& document, std::string where);

  // The member; one that is missing is trouble and reads as nothing: 0, "", false, no items.
  Field operator[](std::string_view key) const;
  // The member, or nothing if it is missing or null.
  std::optional<Field> Find(std::string_view key) const;
  double Number() const;
  int64_t Integer() const;
  std::string Text() const;
  bool Flag() const;
  std::vector<Field> Items() const;                            // of an array
  std::vector<std::pair<std::string, Field>> Members() const;  // of an object
  std::vector<double> Numbers() const;
  std::vector<std::string> Texts() const;
  // For settings that are shown as they are: a text without quotes, yes or no, "not known" for null, other as JSON.
  std::string Plain() const;
  bool IsObject() const;
  bool IsArray() const;
  bool IsNumber() const;

  const std::string& where() const { return where_; }
  // What is wrong with the document apart from types, such as lengths that do not fit. The first trouble counts.
  void Complain(std::string what) const;
  // Errors: kInput with the first trouble of this document, wherever in it.
  Status Trouble() const;

 private:
  Field(const Json* value, std::string where, std::shared_ptr<std::optional<Error>> trouble)
      : value_(value), where_(std::move(where)), trouble_(std::move(trouble)) {}
  bool Is(bool fits, std::string_view wanted) const;

  const Json* value_;  // null: missing, and already told
  std::string where_;
  std::shared_ptr<std::optional<Error>> trouble_;
};

}  // namespace vlaq::report
