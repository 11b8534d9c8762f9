// Who was evaluated, for documents.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace vlaq::evaluate {

struct PolicyIdentity {
  std::string kind;    // "bundle", "checkpoint", "program", "expert"
  std::string name;    // path or command
  std::string sha256;  // of a bundle's policy.json, which names the hash of everything else; empty for others
  std::string tokenizer_sha256 = {};  // of a tokenizer that took the place of the bundle's own; else empty
  std::string runs_on = {};           // "onnxruntime, cpu"; empty for what is not ours to run
  bool operator==(const PolicyIdentity&) const = default;
};

Json ToJson(const PolicyIdentity& subject);

}  // namespace vlaq::evaluate
