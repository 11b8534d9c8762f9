// Who was evaluated, for documents.
#pragma once

#include <string>

namespace vlaq::evaluation {

struct Subject {
  std::string kind;    // "bundle", "program", "expert"
  std::string name;    // path or command
  std::string sha256;  // of a bundle's policy.json, which names the hash of everything else; empty for others
  bool operator==(const Subject&) const = default;
};

}  // namespace vlaq::evaluation
