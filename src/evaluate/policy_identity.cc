#include "evaluate/policy_identity.h"

#include "base/json.h"

namespace vlaq::evaluate {

Json ToJson(const PolicyIdentity& subject) {
  return {{"kind", subject.kind},
          {"name", subject.name},
          {"sha256", subject.sha256},
          {"tokenizer_sha256", subject.tokenizer_sha256},
          {"runs_on", subject.runs_on}};
}

}  // namespace vlaq::evaluate
