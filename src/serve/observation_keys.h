// From the names that clients use to those of the policy's inputs.
//
// A name is taken for an input if, in this order: it is the input's; an alias says so; both are the same without
// "observation", "images" or "image" in front and with "." for "/"; it is one of the usual names of a picture or a
// state and the policy has just one such input. "prompt", "instruction", "task" and the text input's own name are the
// instruction. Every other name is an error, unless it is to be ignored: what a client believes to send is used or
// refused. Immutable: any thread may ask.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "serve/request.h"
#include "vlaq/policy.h"

namespace vlaq::serve {

struct KeySettings {
  std::map<std::string, std::string> aliases;  // client's name -> policy's
  std::set<std::string> ignored;               // client's names
};

class ObservationKeys {
 public:
  // Errors: kUsage for an alias of an input that the policy does not have.
  static Result<ObservationKeys> Make(std::vector<Feature> inputs, KeySettings settings);

  struct Translated {
    Observation observation;
    std::optional<std::string> task;  // not empty
  };
  // Pictures of bytes come as [H, W, 3] or [3, H, W], with or without a batch axis of 1, and leave as [H, W, 3].
  // Errors: kInput naming the keys that are unknown or missing, and what the policy takes.
  Result<Translated> Translate(Request request) const;

  // Whether the name stands for a picture.
  bool IsPicture(std::string_view key) const;
  // The inputs that a client sends, by name: pictures, states and, if there is one, the instruction.
  std::vector<std::string> Wanted() const;

 private:
  // The input that the name stands for; null if none.
  const Feature* Find(std::string_view key) const;
  bool IsTask(std::string_view key) const;
  bool IsIgnored(const std::string& key) const { return settings_.ignored.contains(key); }
  Error Unknown(const std::string& key) const;
  Status CheckComplete(const Observation& observation) const;

  std::vector<Feature> inputs_;
  KeySettings settings_;
};

}  // namespace vlaq::serve
