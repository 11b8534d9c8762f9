// A policy that clients use one after the other. Private to this module; one thread at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/status.h"
#include "vlaq/policy.h"

namespace vlaq::serve {

class Session {
 public:
  // Errors: those of Policy::Open and Policy::Reset.
  static Result<Session> Open(const std::filesystem::path& bundle, const PolicyOptions& options,
                              std::optional<std::string> task);

  // For another client: a new episode, with the instruction that the session was opened with.
  Status Begin();
  // A new episode, with another instruction if one is given. Errors: those of Policy::Reset.
  Status Reset(const std::optional<std::string>& task);
  // One step; an instruction other than the last begins a new episode. Errors: those of Policy.
  Result<Outputs> Step(const Observation& observation, const std::optional<std::string>& task);

  const Policy& policy() const { return policy_; }
  const std::string& task() const { return told_ ? *told_ : policy_.task().text; }

 private:
  Session(Policy policy, std::optional<std::string> task);
  // Whether it is another instruction than the one that is followed.
  bool IsNew(const std::optional<std::string>& task) const { return task && *task != this->task(); }

  Policy policy_;
  std::optional<std::string> first_;  // what it was opened with
  Values first_tokens_;               // what the instruction was before it was told any
  std::optional<std::string> told_;
};

}  // namespace vlaq::serve
