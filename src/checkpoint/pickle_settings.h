// Settings inside a pickle (argparse.Namespace, dicts, numbers, text) as JSON, for who knows what their names mean.
// Bounded in size, depth and time whatever the value is.
#pragma once

#include "base/json_fwd.h"
#include "checkpoint/pickle_value.h"

namespace vlaq::checkpoint {

class PickleSettings {
 public:
  explicit PickleSettings(const PickleDocument& document) : document_(document) {}

  // Null for what is no setting: tensors, other objects without members, what lies too deep, and all once the budget is
  // used up. Text that is a JSON object becomes that object.
  Json Of(ValueId value);

 private:
  Json At(ValueId value, int depth);
  Json Mapping(ValueId value, int depth);
  Json Text(std::string_view text);
  bool Spend(size_t bytes);

  const PickleDocument& document_;
  // Over all calls: one value may be referred to many times.
  size_t values_ = 100'000;
  size_t bytes_ = 1'000'000;  // of text
};

// Text as the number, truth value, list or object of JSON that it is, or else as text.
Json SettingOfText(std::string_view text);

}  // namespace vlaq::checkpoint
