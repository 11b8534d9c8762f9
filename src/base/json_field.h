// Reading of JSON that users wrote, edited or damaged.
//
// Asking never fails: what is missing or wrong reads as nothing (0, "", an empty list), and the first such thing is
// remembered with the file and the keys that lead to it ("plan.json: operators[3].form must be a string"). Whoever
// reads a file lists its keys, and asks for status() once, before what was read is used. null counts as absent.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq {

// A value of a document and its place in it.
class JsonField {
 public:
  static constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

  // `where` names the file; `advice` ends the errors that have none of their own. The document must outlive it.
  JsonField(const Json& document, std::string where, std::string advice = "");

  // ---- members ----

  // One that must be there.
  JsonField operator[](std::string_view key) const;
  // One that may be absent.
  std::optional<JsonField> Find(std::string_view key) const;
  bool Has(std::string_view key) const { return Find(key).has_value(); }
  // All of an object, in their order; those of an array.
  std::vector<std::pair<std::string, JsonField>> Members() const;
  std::vector<JsonField> Items() const;
  // Refuses keys that are not `known`, with the nearest that is. `what`: "an image input".
  void Only(const std::vector<std::string>& known, std::string_view what) const;
  // Whether "schema" is this one, as it must be. `advice` says what writes such files.
  bool HasSchema(std::string_view schema, std::string_view advice) const;

  // A member into `to`, of any type below. Read leaves `to` as it is where the member is absent; Need refuses that.
  template <typename T>
  void Read(std::string_view key, T& to) const {
    if (const auto member = Find(key)) member->To(to);
  }
  template <typename T>
  void Need(std::string_view key, T& to) const {
    (*this)[key].To(to);
  }
  // One of the names that `find` knows; `known` are named in the error.
  template <typename T>
  void ReadName(std::string_view key, std::optional<T> (*find)(std::string_view), const std::vector<std::string>& known,
                T& to) const {
    if (const auto member = Find(key)) member->ToName(find, known, to);
  }
  template <typename T>
  void NeedName(std::string_view key, std::optional<T> (*find)(std::string_view), const std::vector<std::string>& known,
                T& to) const {
    (*this)[key].ToName(find, known, to);
  }

  // ---- the value itself ----

  int64_t Integer(int64_t least = kLowest, int64_t most = kHighest) const;
  uint64_t Count() const;  // an integer from 0
  double Number() const;
  double Number(double least, double most) const;
  std::string Text() const;
  bool Flag() const;
  std::vector<int64_t> Integers() const;
  std::vector<double> Numbers() const;
  std::vector<std::string> Texts() const;
  std::map<std::string, std::string> TextByKey() const;
  std::string ObjectText() const;  // an object as JSON, for whom it belongs to
  bool IsObject() const;
  bool IsArray() const;
  bool IsNumber() const;
  bool IsText() const;
  // As it stands there; null where there is nothing.
  const Json& json() const;

  void To(int64_t& to) const { Keep(Integer(), to); }
  void To(uint64_t& to) const { Keep(Count(), to); }
  void To(int& to) const;
  void To(double& to) const { Keep(Number(), to); }
  void To(bool& to) const { Keep(Flag(), to); }
  void To(std::string& to) const { Keep(Text(), to); }
  void To(std::vector<int64_t>& to) const { Keep(Integers(), to); }
  void To(std::vector<double>& to) const { Keep(Numbers(), to); }
  void To(std::vector<float>& to) const;  // refuses what lies outside of float32
  void To(std::vector<std::string>& to) const { Keep(Texts(), to); }
  void To(std::map<std::string, std::string>& to) const { Keep(TextByKey(), to); }
  template <typename T>
  void To(std::optional<T>& to) const {
    To(to.emplace());
  }
  template <typename T>
  void ToName(std::optional<T> (*find)(std::string_view), const std::vector<std::string>& known, T& to) const {
    const std::string name = Text();
    if (!status().ok()) return;
    if (const auto found = find(name)) {
      to = *found;
    } else {
      FailUnknown(name, known);
    }
  }

  // ---- what is wrong ----

  // What is wrong with this value apart from its type. The first thing counts.
  void Fail(std::string_view problem, std::string_view advice = "") const;
  // The same of a member, which need not be there.
  void FailAt(std::string_view key, std::string_view problem, std::string_view advice = "") const {
    JsonField(nullptr, PathOf(key), state_).Fail(problem, advice);
  }
  // Errors: kInput with the first thing that was wrong in this document, wherever in it.
  Status status() const { return state_->status; }
  const std::string& where() const { return state_->where; }
  // The keys that lead here: "inputs.noise.shape"; empty for the document.
  const std::string& path() const { return path_; }
  // The same value, whose place is told by another text: "operator 'layers/0'".
  JsonField Called(std::string path) const { return {value_, std::move(path), state_}; }

 private:
  // What all values of a document share.
  struct State {
    std::string where, advice;
    Status status;
  };
  JsonField(const Json* value, std::string path, std::shared_ptr<State> state)
      : value_(value), path_(std::move(path)), state_(std::move(state)) {}

  template <typename T>
  void Keep(T value, T& to) const {
    if (state_->status.ok()) to = std::move(value);
  }
  bool Is(bool fits, std::string_view wanted) const;
  void FailUnknown(std::string_view name, const std::vector<std::string>& known) const;
  std::string PathOf(std::string_view key) const;

  const Json* value_;  // null: missing, and already told
  std::string path_;
  std::shared_ptr<State> state_;
};

}  // namespace vlaq
